//! One client's connection to a practice proxy: absolute-form requests and tunnels, each done as the behaviour says.
//!
//! In come requests; out go the site's answers, or what a broken proxy makes of them.

use std::io;
use std::time::Duration;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use url::Url;

use super::Gate;
use super::behaviour::Act;
use super::upstream::{self, Upstream};
use super::{spoil, tunnel};
use crate::demo::client::Client;
use crate::demo::wire::{ENDLESS_HEAD, Framing, Request, Wire};

/// The largest body of a request, in bytes.
const MAX_REQUEST_BODY: u64 = 1 << 20;

/// What comes after a request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Then {
    Next,
    Close,
}

pub(super) async fn serve(gate: &Gate, stream: Client) -> io::Result<()> {
    let mut client = Wire::new(stream);
    let mut kept = None;
    let mut nth = 0;
    while let Some(request) = client.request().await? {
        nth += 1;
        let act = gate.next_act(nth);
        let body = read_body(&mut client, &request).await?;
        if !gate.admits(&request) {
            let challenge = "Proxy-Authenticate: Basic realm=\"practice\"\r\n";
            client.send(&forged(407, challenge, "this proxy wants a password")).await?;
            continue;
        }
        if request.method == "CONNECT" {
            return connect(gate, client, &request, act).await;
        }
        match forward(gate, &mut client, &mut kept, request, &body, act).await? {
            Then::Next => {}
            Then::Close => break,
        }
    }
    Ok(())
}

async fn read_body(client: &mut Wire<Client>, request: &Request) -> io::Result<Vec<u8>> {
    let framing = request.framing()?;
    if matches!(framing, Framing::Length(length) if length > MAX_REQUEST_BODY) {
        return Err(io::Error::other("a request with a body that large is not passed on"));
    }
    let mut body = Vec::new();
    client.pass_body(framing, &mut body).await?;
    Ok(body)
}

/// Does what a broken proxy does without any site; `None`: it passes this request on.
async fn misbehave(client: &mut Wire<Client>, act: Act) -> io::Result<Option<Then>> {
    match act {
        Act::Forward(wait) => {
            if wait > Duration::ZERO {
                tokio::time::sleep(wait).await;
            }
            return Ok(None);
        }
        Act::Spoil(_) => return Ok(None),
        Act::Reset => client.stream.set_zero_linger()?,
        // Until the client gives up.
        Act::Stall => while client.stream.read_u8().await.is_ok() {},
        Act::Garbage => client.send(b"\x00\x17garbage\xff\xfe no HTTP at all\n\n").await?,
        Act::EndlessHead => {
            client.send(b"HTTP/1.1 200 OK\r\n").await?;
            // Until the client gives up.
            loop {
                client.send(ENDLESS_HEAD).await?;
            }
        }
        Act::Throttle => {
            client.send(&forged(429, "Retry-After: 1\r\n", "this proxy says not so fast")).await?;
            return Ok(Some(Then::Next));
        }
        Act::Refuse(status) => {
            client.send(&forged(status, "", "this proxy says no")).await?;
            return Ok(Some(Then::Next));
        }
        Act::Captcha => {
            client.send(&forged(200, "", "Are you a robot? <form id=\"captcha\"></form>")).await?;
            return Ok(Some(Then::Next));
        }
    }
    Ok(Some(Then::Close))
}

async fn forward(
    gate: &Gate,
    client: &mut Wire<Client>,
    kept: &mut Option<Upstream>,
    mut request: Request,
    body: &[u8],
    act: Act,
) -> io::Result<Then> {
    if let Some(then) = misbehave(client, act).await? {
        return Ok(then);
    }
    let Some((authority, path)) = split(&request.target) else {
        client.send(&forged(400, "", "this is a proxy: the whole address is needed")).await?;
        return Ok(Then::Next);
    };
    request.target = path;
    match upstream::exchange(kept.take(), &authority, gate.source, &request, body).await {
        Ok((mut upstream, response)) => {
            let framing = response.framing(&request.method)?;
            let spoil = if let Act::Spoil(spoil) = act { Some(spoil) } else { None };
            let then = spoil::answer(&mut client.stream, &mut upstream.wire, response, framing, spoil).await?;
            if then == Then::Close {
                return Ok(then);
            }
            *kept = Some(upstream);
        }
        Err(error) => client.send(&forged(502, "", &format!("no way to the site: {error}"))).await?,
    }
    Ok(if request.closes() { Then::Close } else { Then::Next })
}

async fn connect(gate: &Gate, mut client: Wire<Client>, request: &Request, act: Act) -> io::Result<()> {
    // A page of its own cannot be shown inside the site's TLS.
    let act = if act == Act::Captcha { Act::Forward(Duration::ZERO) } else { act };
    if misbehave(&mut client, act).await?.is_some() {
        return Ok(());
    }
    let mut site = match upstream::dial(&request.target, gate.source).await {
        Ok(site) => site,
        Err(error) => return client.send(&forged(502, "", &format!("no way to the site: {error}"))).await,
    };
    client.send(b"HTTP/1.1 200 Connection established\r\n\r\n").await?;
    let (client, early) = client.into_parts();
    site.write_all(&early).await?;
    tunnel::pass(client, site, act).await
}

/// Authority and path of an absolute-form target.
fn split(target: &str) -> Option<(String, String)> {
    let url = Url::parse(target).ok().filter(|url| url.scheme() == "http")?;
    let authority = format!("{}:{}", url.host_str()?, url.port_or_known_default()?);
    let path = url.query().map_or_else(|| url.path().to_owned(), |query| format!("{}?{query}", url.path()));
    Some((authority, path))
}

/// An answer of the proxy's own; `fields` are whole lines.
fn forged(status: u16, fields: &str, words: &str) -> Vec<u8> {
    let body = format!("<!DOCTYPE html><html><body><p>{words}</p></body></html>\n");
    let length = body.len();
    format!("HTTP/1.1 {status} Proxy\r\nContent-Type: text/html\r\nContent-Length: {length}\r\n{fields}\r\n{body}")
        .into_bytes()
}
