//! A listener and the connections that it has accepted: all of them end when the handle is dropped.
//!
//! In come a listener and what to do with a connection; out comes the address. It knows nothing of HTTP.

use std::io;
use std::net::SocketAddr;
use std::time::Duration;

use tokio::net::{TcpListener, TcpStream};
use tokio::task::{JoinHandle, JoinSet};

/// How long a listener pauses when it cannot accept (no file descriptors left), so that it does not spin.
const ACCEPT_PAUSE: Duration = Duration::from_millis(10);

/// Something that listens.
#[derive(Debug)]
pub(super) struct Hosted {
    address: SocketAddr,
    accepting: JoinHandle<()>,
}

impl Hosted {
    /// Serves each connection to `listener` by a task of its own, on the runtime of the caller.
    pub(super) fn start<F, Fut>(listener: TcpListener, serve: F) -> io::Result<Self>
    where
        F: Fn(TcpStream, SocketAddr) -> Fut + Send + 'static,
        Fut: Future<Output = ()> + Send + 'static,
    {
        let address = listener.local_addr()?;
        Ok(Self { address, accepting: tokio::spawn(accept(listener, serve)) })
    }

    pub(super) const fn address(&self) -> SocketAddr {
        self.address
    }
}

impl Drop for Hosted {
    fn drop(&mut self) {
        self.accepting.abort();
    }
}

/// The connections live in a set of this task: they are aborted with it.
async fn accept<F, Fut>(listener: TcpListener, serve: F)
where
    F: Fn(TcpStream, SocketAddr) -> Fut,
    Fut: Future<Output = ()> + Send + 'static,
{
    let mut connections = JoinSet::new();
    loop {
        match listener.accept().await {
            Ok((stream, peer)) => {
                // Answers go out in several writes; without this, each would wait for an acknowledgement.
                let _ = stream.set_nodelay(true);
                connections.spawn(serve(stream, peer));
            }
            Err(_) => tokio::time::sleep(ACCEPT_PAUSE).await,
        }
        while connections.try_join_next().is_some() {}
    }
}
