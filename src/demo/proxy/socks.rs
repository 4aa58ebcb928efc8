//! One client's connection to a practice SOCKS5 proxy: the password if one is wanted, then a connection to the site.
//!
//! In comes what RFC 1928 and 1929 say; out go the site's bytes, or what a broken proxy makes of them. To such a proxy a
//! connection is what a request is to others: only that can it count and refuse.

use std::io;
use std::net::{Ipv4Addr, Ipv6Addr};

use tokio::io::{AsyncReadExt, AsyncWriteExt};

use super::Gate;
use super::behaviour::Act;
use super::{tunnel, upstream};
use crate::demo::client::Client;

const VERSION: u8 = 5;
const NO_PASSWORD: u8 = 0;
const PASSWORD: u8 = 2;
const NOT_ALLOWED: u8 = 2;
const HOST_UNREACHABLE: u8 = 4;

pub(super) async fn serve(gate: &Gate, mut client: Client) -> io::Result<()> {
    if !greet(gate, &mut client).await? {
        return Ok(());
    }
    let site = target(&mut client).await?;
    let act = gate.next_act(1);
    match act {
        Act::Forward(wait) => tokio::time::sleep(wait).await,
        // A page of its own is beyond a proxy that only passes on.
        Act::Spoil(_) | Act::Captcha => {}
        Act::Reset => return client.set_zero_linger(),
        // Until the client gives up.
        Act::Stall => {
            while client.read_u8().await.is_ok() {}
            return Ok(());
        }
        Act::Garbage | Act::EndlessHead => return client.write_all(b"\x00\x17no SOCKS at all").await,
        Act::Refuse(403 | 429) | Act::Throttle => return reply(&mut client, NOT_ALLOWED).await,
        Act::Refuse(_) => return reply(&mut client, HOST_UNREACHABLE).await,
    }
    match upstream::dial(&site, gate.source).await {
        Ok(site) => {
            reply(&mut client, 0).await?;
            tunnel::pass(client, site, act).await
        }
        Err(_) => reply(&mut client, HOST_UNREACHABLE).await,
    }
}

/// Agrees on how the client shows who it is; `false`: it did not.
async fn greet(gate: &Gate, client: &mut Client) -> io::Result<bool> {
    let [_, count] = take::<2>(client).await?;
    let mut methods = vec![0; count.into()];
    client.read_exact(&mut methods).await?;
    let wanted = if gate.credentials.is_some() { PASSWORD } else { NO_PASSWORD };
    if !methods.contains(&wanted) {
        client.write_all(&[VERSION, 0xff]).await?;
        return Ok(false);
    }
    client.write_all(&[VERSION, wanted]).await?;
    let Some(known) = &gate.credentials else { return Ok(true) };
    let _version = client.read_u8().await?;
    let (user, password) = (text(client).await?, text(client).await?);
    let admitted = user == known.user.reveal() && password == known.password.reveal();
    client.write_all(&[1, u8::from(!admitted)]).await?;
    Ok(admitted)
}

/// Where the client wants to go, as `host:port`.
async fn target(client: &mut Client) -> io::Result<String> {
    let [_, _, _, kind] = take::<4>(client).await?;
    let host = match kind {
        1 => Ipv4Addr::from(take::<4>(client).await?).to_string(),
        4 => format!("[{}]", Ipv6Addr::from(take::<16>(client).await?)),
        _ => text(client).await?,
    };
    Ok(format!("{host}:{}", client.read_u16().await?))
}

async fn reply(client: &mut Client, code: u8) -> io::Result<()> {
    client.write_all(&[VERSION, code, 0, 1, 0, 0, 0, 0, 0, 0]).await
}

async fn take<const LENGTH: usize>(client: &mut Client) -> io::Result<[u8; LENGTH]> {
    let mut bytes = [0; LENGTH];
    client.read_exact(&mut bytes).await?;
    Ok(bytes)
}

/// A length in one byte, and so many bytes of text.
async fn text(client: &mut Client) -> io::Result<String> {
    let mut bytes = vec![0; client.read_u8().await?.into()];
    client.read_exact(&mut bytes).await?;
    String::from_utf8(bytes).map_err(|error| io::Error::new(io::ErrorKind::InvalidData, error))
}
