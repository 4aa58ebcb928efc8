//! A port on loopback, and the connections that are accepted there while its door is open: all end when it is shut, or the
//! handle dropped.
//!
//! In comes what to do with a connection; out comes the address, which stays. It knows nothing of HTTP.

use std::io;
use std::net::{Ipv4Addr, SocketAddr};
use std::time::Duration;

use tokio::net::{TcpListener, TcpSocket, TcpStream};
use tokio::sync::watch;
use tokio::task::{JoinHandle, JoinSet};

/// How long a listener pauses when it cannot accept (no file descriptors left), so that it does not spin.
const ACCEPT_PAUSE: Duration = Duration::from_millis(10);
/// Connections that wait to be accepted; a hundred workers may come at once.
const BACKLOG: u32 = 1024;

/// Is anybody at home?
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Door {
    /// Connections are accepted.
    Open,
    /// Connections are refused.
    Shut,
}

/// A port of 127.0.0.1 that is ours.
#[derive(Debug)]
pub(super) struct Port {
    address: SocketAddr,
    /// Bound and never listening: while the door is shut nobody else gets the port.
    _held: TcpSocket,
}

impl Port {
    /// Takes a free one.
    pub(super) fn take() -> io::Result<Self> {
        let held = bound(SocketAddr::from((Ipv4Addr::LOCALHOST, 0)))?;
        Ok(Self { address: held.local_addr()?, _held: held })
    }

    pub(super) const fn address(&self) -> SocketAddr {
        self.address
    }

    /// Serves each connection by a task of its own, on the runtime of the caller.
    pub(super) fn host<F, Fut>(self, door: Door, serve: F) -> io::Result<Hosted>
    where
        F: Fn(TcpStream, SocketAddr) -> Fut + Send + Sync + 'static,
        Fut: Future<Output = ()> + Send + 'static,
    {
        let first = match door {
            Door::Open => Some(listen(self.address)?),
            Door::Shut => None,
        };
        let (sender, watched) = watch::channel(door);
        let accepting = tokio::spawn(keep(self.address, first, watched, serve));
        Ok(Hosted { port: self, door: sender, accepting })
    }
}

/// Something that listens, or at least could.
#[derive(Debug)]
pub(super) struct Hosted {
    port: Port,
    door: watch::Sender<Door>,
    accepting: JoinHandle<()>,
}

impl Hosted {
    pub(super) const fn address(&self) -> SocketAddr {
        self.port.address()
    }

    /// Opens or shuts the door, as soon as the runtime comes to it.
    pub(super) fn turn(&self, door: Door) {
        self.door.send_if_modified(|now| std::mem::replace(now, door) != door);
    }
}

impl Drop for Hosted {
    fn drop(&mut self) {
        self.accepting.abort();
    }
}

/// A socket of this address beside the one that holds it.
fn bound(address: SocketAddr) -> io::Result<TcpSocket> {
    let socket = TcpSocket::new_v4()?;
    socket.set_reuseaddr(true)?;
    socket.bind(address)?;
    Ok(socket)
}

fn listen(address: SocketAddr) -> io::Result<TcpListener> {
    bound(address)?.listen(BACKLOG)
}

/// Listens whenever the door is open, until the handle is dropped.
async fn keep<F, Fut>(address: SocketAddr, mut listener: Option<TcpListener>, mut door: watch::Receiver<Door>, serve: F)
where
    F: Fn(TcpStream, SocketAddr) -> Fut + Send + Sync + 'static,
    Fut: Future<Output = ()> + Send + 'static,
{
    loop {
        let now = *door.borrow_and_update();
        match now {
            Door::Shut => {
                if door.changed().await.is_err() {
                    return;
                }
            }
            Door::Open => {
                let Some(open) = listener.take().or_else(|| listen(address).ok()) else {
                    tokio::time::sleep(ACCEPT_PAUSE).await;
                    continue;
                };
                tokio::select! {
                    () = accept(open, &serve) => {}
                    changed = door.changed() => if changed.is_err() { return },
                }
            }
        }
    }
}

/// The connections live in a set of this future: they are aborted with it.
async fn accept<F, Fut>(listener: TcpListener, serve: &F)
where
    F: Fn(TcpStream, SocketAddr) -> Fut + Sync,
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
