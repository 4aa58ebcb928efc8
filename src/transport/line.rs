//! The bare line under a stream: a socket whose bytes are counted, with or without TLS to the proxy on it, with or without
//! the site's TLS on that.
//!
//! In: a connected socket. Out: reads and writes, counted below all TLS, because that is what is paid for. Knows no HTTP.

use std::io;
use std::pin::Pin;
use std::rc::Rc;
use std::task::{Context, Poll, ready};

use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::TcpStream;
use tokio_rustls::client::TlsStream;

use super::wire::Wire;

/// A socket that tells the [`Wire`] what it does.
#[derive(Debug)]
pub(super) struct Counted {
    socket: TcpStream,
    wire: Rc<Wire>,
}

impl Counted {
    pub(super) fn new(socket: TcpStream, wire: Rc<Wire>) -> Self {
        Self { socket, wire }
    }
}

impl AsyncRead for Counted {
    fn poll_read(self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        let this = self.get_mut();
        let before = buf.filled().len();
        let read = ready!(Pin::new(&mut this.socket).poll_read(cx, buf));
        this.wire.received(buf.filled().len() - before);
        Poll::Ready(read)
    }
}

impl AsyncWrite for Counted {
    fn poll_write(self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &[u8]) -> Poll<io::Result<usize>> {
        let this = self.get_mut();
        let wrote = ready!(Pin::new(&mut this.socket).poll_write(cx, buf));
        if let Ok(bytes) = &wrote {
            this.wire.wrote(*bytes);
        }
        Poll::Ready(wrote)
    }

    fn poll_flush(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.get_mut().socket).poll_flush(cx)
    }

    fn poll_shutdown(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.get_mut().socket).poll_shutdown(cx)
    }
}

trait Duplex: AsyncRead + AsyncWrite + Unpin {}
impl<T: AsyncRead + AsyncWrite + Unpin> Duplex for T {}

/// Reads and writes are those of whatever lies on top.
macro_rules! read_and_write_through {
    ($line:ty) => {
        impl AsyncRead for $line {
            fn poll_read(self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
                self.duplex().poll_read(cx, buf)
            }
        }

        impl AsyncWrite for $line {
            fn poll_write(self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &[u8]) -> Poll<io::Result<usize>> {
                self.duplex().poll_write(cx, buf)
            }

            fn poll_flush(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
                self.duplex().poll_flush(cx)
            }

            fn poll_shutdown(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
                self.duplex().poll_shutdown(cx)
            }
        }
    };
}

/// As far as the first stop on the way: the proxy, or the site where there is none.
#[derive(Debug)]
pub(super) enum FirstHop {
    /// The socket as it is.
    Plain(Counted),
    /// TLS to the proxy.
    Secure(Box<TlsStream<Counted>>),
}

impl FirstHop {
    fn socket(&self) -> &TcpStream {
        match self {
            Self::Plain(counted) => &counted.socket,
            Self::Secure(tls) => &tls.get_ref().0.socket,
        }
    }

    fn duplex(self: Pin<&mut Self>) -> Pin<&mut dyn Duplex> {
        match self.get_mut() {
            Self::Plain(counted) => Pin::new(counted),
            Self::Secure(tls) => Pin::new(&mut **tls),
        }
    }
}

read_and_write_through!(FirstHop);

/// The whole way, ready for requests.
#[derive(Debug)]
pub(super) enum Line {
    /// Nothing more.
    Plain(FirstHop),
    /// The site's TLS.
    Secure(Box<TlsStream<FirstHop>>),
}

impl Line {
    pub(super) fn socket(&self) -> &TcpStream {
        match self {
            Self::Plain(hop) => hop.socket(),
            Self::Secure(tls) => tls.get_ref().0.socket(),
        }
    }

    fn duplex(self: Pin<&mut Self>) -> Pin<&mut dyn Duplex> {
        match self.get_mut() {
            Self::Plain(hop) => Pin::new(hop),
            Self::Secure(tls) => Pin::new(&mut **tls),
        }
    }
}

read_and_write_through!(Line);
