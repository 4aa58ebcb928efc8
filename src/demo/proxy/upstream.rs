//! The proxy's side towards the site: dialled from the proxy's own address, kept alive, and never off loopback.
//!
//! In comes where to; out comes a connection or why there is none. It knows nothing of faults.

use std::io;
use std::net::{IpAddr, Ipv4Addr, SocketAddr, SocketAddrV4};

use tokio::net::{TcpSocket, TcpStream};

use crate::demo::wire::{Request, Response, Wire};

/// Connects to `authority` (`host:port`) from `source`. Names below `.test` and `localhost` lead to loopback; other names,
/// and addresses off loopback, lead nowhere: practice stays on this machine.
pub(super) async fn dial(authority: &str, source: Ipv4Addr) -> io::Result<TcpStream> {
    let target = resolve(authority).ok_or_else(|| io::Error::other(format!("{authority} is not on loopback")))?;
    let socket = TcpSocket::new_v4()?;
    socket.bind(SocketAddr::from((source, 0)))?;
    let stream = socket.connect(target.into()).await?;
    let _ = stream.set_nodelay(true);
    Ok(stream)
}

fn resolve(authority: &str) -> Option<SocketAddrV4> {
    let (host, port) = authority.rsplit_once(':')?;
    let port = port.parse().ok()?;
    if host == "localhost" || host.ends_with(".test") {
        return Some(SocketAddrV4::new(Ipv4Addr::LOCALHOST, port));
    }
    let ip: Ipv4Addr = host.parse().ok()?;
    ip.is_loopback().then(|| SocketAddrV4::new(ip, port))
}

/// The address to use towards the site: the wanted one where the system has it. Linux has all of 127.0.0.0/8; elsewhere
/// all proxies share 127.0.0.1, and the journal cannot tell them apart.
pub(super) fn available(wanted: Ipv4Addr) -> Ipv4Addr {
    match std::net::UdpSocket::bind(SocketAddr::from((IpAddr::V4(wanted), 0))) {
        Ok(_) => wanted,
        Err(_) => Ipv4Addr::LOCALHOST,
    }
}

/// One connection to a site, kept for the next request of the same client.
#[derive(Debug)]
pub(super) struct Upstream {
    authority: String,
    pub(super) wire: Wire<TcpStream>,
}

/// Sends `request` (its target already in origin form) over the kept connection, or over a new one where there is none to
/// this site or it has gone stale, and reads the head of the answer.
pub(super) async fn exchange(
    kept: Option<Upstream>,
    authority: &str,
    source: Ipv4Addr,
    request: &Request,
    body: &[u8],
) -> io::Result<(Upstream, Response)> {
    let mut out = head(request);
    out.extend_from_slice(body);
    if let Some(mut upstream) = kept.filter(|kept| kept.authority == authority)
        && let Ok(response) = ask(&mut upstream, &out).await
    {
        return Ok((upstream, response));
    }
    let wire = Wire::new(dial(authority, source).await?);
    let mut upstream = Upstream { authority: authority.to_owned(), wire };
    let response = ask(&mut upstream, &out).await?;
    Ok((upstream, response))
}

async fn ask(upstream: &mut Upstream, request: &[u8]) -> io::Result<Response> {
    upstream.wire.send(request).await?;
    upstream.wire.response().await?.ok_or_else(|| io::ErrorKind::UnexpectedEof.into())
}

/// The head as the site gets it: nothing that is meant for the proxy.
fn head(request: &Request) -> Vec<u8> {
    let mut out = format!("{} {} HTTP/1.1\r\n", request.method, request.target);
    for (name, value) in request.fields.0.iter().filter(|(name, _)| !for_one_hop(name)) {
        out.push_str(&format!("{name}: {value}\r\n"));
    }
    out.push_str("\r\n");
    out.into_bytes()
}

/// Fields that end at the next hop.
pub(super) fn for_one_hop(name: &str) -> bool {
    ["connection", "keep-alive", "proxy-connection", "proxy-authorization"]
        .iter()
        .any(|hop| name.eq_ignore_ascii_case(hop))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_leads_off_loopback() {
        for off in ["example.com:80", "10.0.0.1:80", "93.184.216.34:80", "test:80", "127.0.0.1", "localhost:x"] {
            assert_eq!(resolve(off), None, "{off}");
        }
        assert_eq!(resolve("site.test:81"), Some(SocketAddrV4::new(Ipv4Addr::LOCALHOST, 81)));
        assert_eq!(resolve("127.0.1.9:82"), Some(SocketAddrV4::new(Ipv4Addr::new(127, 0, 1, 9), 82)));
    }
}
