//! Bytes passed on both ways between a client and a site, until either has enough or the proxy breaks off.
//!
//! In come two connections; it ends when they do. It knows nothing of what is said.

use std::io;

use tokio::io::{AsyncReadExt, copy_bidirectional};
use tokio::net::TcpStream;

use super::client::Client;

/// Bytes of an answer, or of a tunnel, that get through before it is reset: the head and a little more.
pub(super) const BEFORE_RESET: u64 = 600;

/// Passes on everything.
pub(super) async fn whole(mut client: Client, mut site: TcpStream) -> io::Result<()> {
    copy_bidirectional(&mut client, &mut site).await?;
    Ok(())
}

/// Resets the client once the first bytes of the site are through.
pub(super) async fn half(client: Client, mut site: TcpStream) -> io::Result<()> {
    let (mut from_client, mut to_client) = tokio::io::split(client);
    let (from_site, mut to_site) = site.split();
    let mut first_bytes = from_site.take(BEFORE_RESET);
    {
        let up = Box::pin(tokio::io::copy(&mut from_client, &mut to_site));
        let down = Box::pin(tokio::io::copy(&mut first_bytes, &mut to_client));
        futures_util::future::select(up, down).await.factor_first().0?;
    }
    from_client.unsplit(to_client).set_zero_linger()
}
