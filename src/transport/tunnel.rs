//! CONNECT: asks an HTTP proxy for a tunnel to a site.
//!
//! In: a connection to the proxy. Out: the same connection, its next byte the site's; or whose refusal it was. Nothing but
//! the site's name and our credentials for the proxy is told to it.

use awc::http::header::HeaderValue;
use bytes::{Buf, BufMut, BytesMut};
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};

use super::failure::Failure;
use super::head::{self, Parsed};
use super::leg::Site;

/// Opens a tunnel to `site` over `line`.
pub(super) async fn open<L>(line: &mut L, site: &Site, authorization: Option<&HeaderValue>) -> Result<(), Failure>
where
    L: AsyncRead + AsyncWrite + Unpin,
{
    let broken = |error: std::io::Error| Failure::ProxyHandshake(error.to_string());
    line.write_all(&request(site, authorization)).await.map_err(broken)?;
    line.flush().await.map_err(broken)?;
    let mut came = BytesMut::with_capacity(1024);
    loop {
        if line.read_buf(&mut came).await.map_err(broken)? == 0 {
            return Err(Failure::ProxyHandshake("it closed the connection".into()));
        }
        while let Some(parsed) = next(&came)? {
            match parsed {
                Answer::Interim(length) => came.advance(length),
                // The site's TLS does not speak first: more bytes here are something else.
                Answer::Open(length) if came.len() > length => {
                    return Err(Failure::ProxyHandshake("it goes on talking after its answer".into()));
                }
                Answer::Open(_) => return Ok(()),
            }
        }
    }
}

enum Answer {
    Interim(usize),
    Open(usize),
}

fn next(came: &[u8]) -> Result<Option<Answer>, Failure> {
    match head::parse(came).map_err(|error| Failure::ProxyHandshake(error.to_string()))? {
        Parsed::Partial => Ok(None),
        Parsed::Interim(length) => Ok(Some(Answer::Interim(length))),
        Parsed::Complete(length, head) => match head.status {
            200..=299 => Ok(Some(Answer::Open(length))),
            407 => Err(Failure::ProxyAuth),
            status => Err(Failure::TunnelRefused { status }),
        },
    }
}

fn request(site: &Site, authorization: Option<&HeaderValue>) -> BytesMut {
    let mut request = BytesMut::with_capacity(256);
    request.put_slice(format!("CONNECT {site} HTTP/1.1\r\nHost: {site}\r\n").as_bytes());
    if let Some(value) = authorization {
        request.put_slice(b"Proxy-Authorization: ");
        request.put_slice(value.as_bytes());
        request.put_slice(b"\r\n");
    }
    request.put_slice(b"\r\n");
    request
}
