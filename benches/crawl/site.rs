//! A fast site behind fast proxies: one thread that answers, on every port that it listens on, as a proxy would.
//!
//! In come a size and a number of ports; out come lines for a proxies file, and how many pages were asked for. List pages link
//! ten items each, and so pages are numbered: item 10 n + k stands on list n. It knows nothing of the crawler.

use std::io;
use std::net::TcpListener as Listener;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::thread;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};

/// Items on a list page.
pub(crate) const PER_LIST: u64 = 10;

/// The site, while the process lives.
pub(crate) struct Site {
    /// A line each for a proxies file.
    pub(crate) proxies: Vec<String>,
    served: Arc<AtomicU64>,
}

impl Site {
    /// Starts it: pages of about `bytes`, on `ports` ports.
    pub(crate) fn start(ports: usize, bytes: usize) -> io::Result<Self> {
        let listeners = (0..ports).map(|_| Listener::bind("127.0.0.1:0")).collect::<io::Result<Vec<_>>>()?;
        let addresses = listeners.iter().map(|port| port.local_addr().map(|address| format!("http://{address}")));
        let (proxies, served) = (addresses.collect::<io::Result<_>>()?, Arc::new(AtomicU64::new(0)));
        let runtime = tokio::runtime::Builder::new_current_thread().enable_io().build()?;
        let (counter, filler) = (Arc::clone(&served), Arc::<str>::from(filler(bytes)));
        thread::spawn(move || runtime.block_on(serve(listeners, &counter, &filler)));
        Ok(Self { proxies, served })
    }

    /// Pages asked for so far.
    pub(crate) fn served(&self) -> u64 {
        self.served.load(Ordering::Relaxed)
    }
}

async fn serve(listeners: Vec<Listener>, served: &Arc<AtomicU64>, filler: &Arc<str>) -> io::Result<()> {
    let mut ports = tokio::task::JoinSet::new();
    for listener in listeners {
        listener.set_nonblocking(true)?;
        let (listener, served, filler) = (TcpListener::from_std(listener)?, Arc::clone(served), Arc::clone(filler));
        ports.spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                tokio::spawn(connection(stream, Arc::clone(&served), Arc::clone(&filler)));
            }
        });
    }
    ports.join_all().await;
    Ok(())
}

/// One request after the other; none has a body.
async fn connection(mut stream: TcpStream, served: Arc<AtomicU64>, filler: Arc<str>) -> io::Result<()> {
    stream.set_nodelay(true)?;
    let mut heads = Vec::with_capacity(4096);
    loop {
        if stream.read_buf(&mut heads).await? == 0 {
            return Ok(());
        }
        while let Some(end) = heads.windows(4).position(|four| four == b"\r\n\r\n") {
            let answer = answer(&String::from_utf8_lossy(&heads[..end]), &filler);
            heads.drain(..end + 4);
            served.fetch_add(1, Ordering::Relaxed);
            stream.write_all(answer.as_bytes()).await?;
        }
    }
}

fn answer(head: &str, filler: &str) -> String {
    let path = head.split_whitespace().nth(1).and_then(|target| target.splitn(4, '/').nth(3)).unwrap_or_default();
    let number = |name: &str| path.strip_prefix(name).and_then(|number| number.parse::<u64>().ok());
    let (status, body) = match (number("list/"), number("item/")) {
        (Some(list), _) => {
            let links = (list * PER_LIST..(list + 1) * PER_LIST).map(|item| {
                format!("<div class=\"card\"><a class=\"name\" href=\"/item/{item}\">Item {item}</a></div>")
            });
            ("200 OK", page(&format!("List {list}"), &links.collect::<String>(), filler))
        }
        (_, Some(item)) => ("200 OK", page(&format!("Item {item}"), "<p class=\"price\">19.99</p>", filler)),
        _ => ("404 Not Found", String::new()),
    };
    format!(
        "HTTP/1.1 {status}\r\nContent-Type: text/html; charset=utf-8\r\nContent-Length: {}\r\n\r\n{body}",
        body.len()
    )
}

fn page(title: &str, body: &str, filler: &str) -> String {
    format!(
        "<!DOCTYPE html><html lang=\"en\"><head><title>{title}</title></head><body><h2>{title}</h2>{body}{filler}</body></html>"
    )
}

/// Markup as pages have it: an element for each hundred bytes or so.
fn filler(bytes: usize) -> String {
    let element = "<div class=\"actor\"><img class=\"image\" src=\"/p/1.jpg\"><p class=\"role\">as a stranger of the harbour</p></div>";
    element.repeat(bytes / element.len())
}
