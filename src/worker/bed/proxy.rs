//! A scripted proxy on loopback, which is the sites behind it as well.
//!
//! What comes in: a script, what each address is answered with, and real connections. What goes out: the answers, and what
//! was asked for. It must not know the worker.

use std::cell::RefCell;
use std::collections::HashMap;
use std::rc::Rc;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};

/// What a path is answered with.
#[derive(Clone, Debug)]
pub(in crate::worker) enum Reply {
    /// These bytes; the connection stays open.
    Raw(Vec<u8>),
    /// The connection is closed instead.
    Close,
    /// Nothing, for ever.
    Silence,
}

impl Reply {
    pub(in crate::worker) fn page(body: &str) -> Self {
        Self::status(200, "content-type: text/html\r\n", body.as_bytes())
    }

    pub(in crate::worker) fn redirect(location: &str) -> Self {
        Self::status(302, &format!("location: {location}\r\n"), b"")
    }

    pub(in crate::worker) fn status(status: u16, headers: &str, body: &[u8]) -> Self {
        let head = format!("HTTP/1.1 {status} Said\r\n{headers}content-length: {}\r\n\r\n", body.len());
        Self::Raw([head.as_bytes(), body].concat())
    }
}

/// A request as the proxy saw it.
#[derive(Clone, Debug)]
pub(in crate::worker) struct Asked {
    pub(in crate::worker) line: String,
    pub(in crate::worker) connection: usize,
}

/// A proxy with a script: each answer is given once, the last one for ever.
#[derive(Clone)]
pub(in crate::worker) struct Proxy {
    pub(in crate::worker) port: u16,
    script: Rc<RefCell<HashMap<String, Vec<Reply>>>>,
    asked: Rc<RefCell<Vec<Asked>>>,
}

impl Proxy {
    pub(in crate::worker) async fn start() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let proxy = Self { port: listener.local_addr().unwrap().port(), script: Rc::default(), asked: Rc::default() };
        let serving = proxy.clone();
        actix_rt::spawn(async move {
            for connection in 0.. {
                let (stream, _) = listener.accept().await.unwrap();
                actix_rt::spawn(serving.clone().serve(stream, connection));
            }
        });
        proxy
    }

    /// Says what `address` is answered with, in turn.
    pub(in crate::worker) fn answers(self, address: &str, replies: impl IntoIterator<Item = Reply>) -> Self {
        self.script.borrow_mut().insert(address.into(), replies.into_iter().collect());
        self
    }

    pub(in crate::worker) fn asked(&self) -> Vec<Asked> {
        self.asked.borrow().clone()
    }

    pub(in crate::worker) fn lines(&self) -> Vec<String> {
        self.asked().into_iter().map(|asked| asked.line).collect()
    }

    async fn serve(self, mut stream: TcpStream, connection: usize) {
        let mut buffer = Vec::new();
        loop {
            let end = loop {
                if let Some(at) = buffer.windows(4).position(|four| four == b"\r\n\r\n") {
                    break at + 4;
                }
                if stream.read_buf(&mut buffer).await.unwrap_or(0) == 0 {
                    return;
                }
            };
            let head = String::from_utf8_lossy(&buffer[..end]).to_ascii_lowercase();
            let length = head.lines().find_map(|line| line.strip_prefix("content-length: ")?.parse().ok());
            while buffer.len() < end + length.unwrap_or(0_usize) {
                if stream.read_buf(&mut buffer).await.unwrap_or(0) == 0 {
                    return;
                }
            }
            let head = String::from_utf8_lossy(&buffer[..end]).into_owned();
            buffer.clear();
            let line = head.lines().next().unwrap().trim_end_matches(" HTTP/1.1").to_owned();
            let target = line.split(' ').nth(1).unwrap().to_owned();
            self.asked.borrow_mut().push(Asked { line, connection });
            let reply = match self.script.borrow_mut().get_mut(&target) {
                Some(replies) if replies.len() > 1 => replies.remove(0),
                Some(replies) => replies[0].clone(),
                None => Reply::status(404, "", b""),
            };
            match reply {
                Reply::Raw(bytes) => stream.write_all(&bytes).await.unwrap(),
                Reply::Close => return,
                Reply::Silence => std::future::pending().await,
            }
        }
    }
}
