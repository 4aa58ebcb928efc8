//! The site's answer on its way to the client: passed on as it is, or spoilt.
//!
//! In come the head that was read and the connection that the body is still in; out goes what the client gets.

use std::io;

use tokio::io::AsyncWriteExt;
use tokio::net::TcpStream;

use super::behaviour::Spoil;
use super::serve::Then;
use super::upstream;
use crate::demo::client::Client;
use crate::demo::wire::{DRIP, Framing, Response, Wire};

/// Bytes of an answer without a length, or of a tunnel, that get through before it is spoilt: the head and a little more.
pub(super) const BEFORE_SPOILT: u64 = 600;

/// Passes an answer on.
pub(super) async fn answer(
    client: &mut Client,
    site: &mut Wire<TcpStream>,
    mut response: Response,
    framing: Framing,
    spoil: Option<Spoil>,
) -> io::Result<Then> {
    if let (Some(Spoil::Length(factor)), Framing::Length(length)) = (spoil, framing) {
        response.fields.set("content-length", &announced(length, factor).to_string());
    }
    client.write_all(&head(&response, framing)).await?;
    let half = if let Framing::Length(length) = framing { length / 2 } else { BEFORE_SPOILT };
    match spoil {
        None | Some(Spoil::Length(_)) => {
            site.pass_body(framing, client).await?;
            return Ok(if framing == Framing::UntilClose { Then::Close } else { Then::Next });
        }
        Some(Spoil::Reset) => {
            site.pass(half, client).await?;
            client.set_zero_linger()?;
        }
        Some(Spoil::Cut) => {
            site.pass(half, client).await?;
            client.shutdown().await?;
        }
        Some(Spoil::Trickle) => loop {
            tokio::time::sleep(DRIP).await;
            site.pass(1, client).await?;
            client.flush().await?;
        },
    }
    Ok(Then::Close)
}

#[allow(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "a lie need not be exact")]
fn announced(length: u64, factor: f64) -> u64 {
    (length as f64 * factor) as u64
}

/// The head of an answer as the client gets it.
fn head(response: &Response, framing: Framing) -> Vec<u8> {
    let mut out = format!("HTTP/1.1 {} Passed On\r\n", response.status);
    for (name, value) in response.fields.0.iter().filter(|(name, _)| !upstream::for_one_hop(name)) {
        out.push_str(&format!("{name}: {value}\r\n"));
    }
    if framing == Framing::UntilClose {
        out.push_str("Connection: close\r\n");
    }
    out.push_str("\r\n");
    out.into_bytes()
}
