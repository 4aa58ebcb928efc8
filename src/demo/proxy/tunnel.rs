//! Bytes passed on both ways between a client and a site, until either has enough or the proxy spoils it.
//!
//! In come two connections; it ends when they do. It knows nothing of what is said.

use std::io;

use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt, copy, copy_bidirectional};
use tokio::net::TcpStream;

use super::behaviour::{Act, Spoil};
use super::spoil::BEFORE_SPOILT;
use crate::demo::client::Client;
use crate::demo::wire::DRIP;

/// Passes on everything, or what is left of it when the act is to spoil it.
pub(super) async fn pass(mut client: Client, mut site: TcpStream, act: Act) -> io::Result<()> {
    match act {
        Act::Spoil(spoil @ (Spoil::Reset | Spoil::Cut | Spoil::Trickle)) => spoilt(client, site, spoil).await,
        Act::Spoil(Spoil::Length(_))
        | Act::Forward(_)
        | Act::Reset
        | Act::Stall
        | Act::Garbage
        | Act::EndlessHead
        | Act::Refuse(_)
        | Act::Throttle
        | Act::Captcha => copy_bidirectional(&mut client, &mut site).await.map(drop),
    }
}

async fn spoilt(client: Client, mut site: TcpStream, spoil: Spoil) -> io::Result<()> {
    let (mut from_client, mut to_client) = tokio::io::split(client);
    let (from_site, mut to_site) = site.split();
    {
        let up = Box::pin(copy(&mut from_client, &mut to_site));
        let down = Box::pin(down(from_site, &mut to_client, spoil));
        futures_util::future::select(up, down).await.factor_first().0?;
    }
    let mut client = from_client.unsplit(to_client);
    if spoil == Spoil::Reset { client.set_zero_linger() } else { client.shutdown().await }
}

/// Passes the site's first bytes on, and the rest only if it trickles.
async fn down(
    mut site: impl AsyncRead + Unpin,
    client: &mut (impl AsyncWrite + Unpin),
    spoil: Spoil,
) -> io::Result<u64> {
    let first = copy(&mut (&mut site).take(BEFORE_SPOILT), client).await?;
    if spoil != Spoil::Trickle {
        return Ok(first);
    }
    loop {
        tokio::time::sleep(DRIP).await;
        client.write_u8(site.read_u8().await?).await?;
        client.flush().await?;
    }
}
