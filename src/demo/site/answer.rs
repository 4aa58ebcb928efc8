//! What the site answers to a path, faults included: a head and a body, ready to be sent.
//!
//! In comes a path; out comes an [`Answer`]. Throttling counts the requests of its page; nothing else is remembered.

use std::collections::HashMap;
use std::net::IpAddr;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

use super::fault::Fault;
use super::hostile::{After, Hostile};
use super::pages::{Page, Pages, frame};
use super::{Document, echo};

/// An answer, and how it goes out.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Answer {
    pub(super) status: u16,
    content_type: String,
    fields: Vec<(&'static str, String)>,
    body: Vec<u8>,
    delivery: Delivery,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Delivery {
    Whole,
    /// Chunked, as many sites do it: whoever reads must not depend on a length.
    Chunked,
    /// Half of the body, then the end of the connection.
    Cut,
    /// Not at all, and the connection is reset.
    Reset,
    /// Not at all.
    Silence,
    Hostile(Hostile),
}

/// Stands for the status of what is not answered.
const UNANSWERED: u16 = 0;
/// What is asked for by who throttles by the second.
const A_SECOND: Duration = Duration::from_secs(1);

impl Answer {
    fn new(status: u16, html: String) -> Self {
        Self::of_type(status, "text/html; charset=utf-8", html.into_bytes())
    }

    fn of_type(status: u16, content_type: &str, body: Vec<u8>) -> Self {
        Self { status, content_type: content_type.to_owned(), fields: Vec::new(), body, delivery: Delivery::Whole }
    }

    /// Only words: for a status that has no page.
    pub(super) fn status(status: u16) -> Self {
        Self::new(status, frame(reason(status), &format!("<h1>{status} {}</h1>", reason(status))))
    }

    /// Come again in a second.
    pub(super) fn throttled() -> Self {
        Self::status(429).retry_after(A_SECOND)
    }

    /// None at all.
    pub(super) fn silence() -> Self {
        Self { delivery: Delivery::Silence, ..Self::status(UNANSWERED) }
    }

    fn retry_after(mut self, wait: Duration) -> Self {
        self.fields.push(("Retry-After", wait.as_secs().to_string()));
        self
    }

    /// Who asks, as sites that tell it do.
    fn origin(from: IpAddr) -> Self {
        Self::new(200, format!("{{\"origin\": \"{from}\"}}"))
    }

    fn redirect(status: u16, to: &str) -> Self {
        let mut answer = Self::status(status);
        answer.fields.push(("Location", to.to_owned()));
        answer
    }

    /// What follows its bytes.
    pub(super) fn after(&self) -> After {
        match self.delivery {
            Delivery::Whole | Delivery::Chunked => After::Next,
            Delivery::Cut => After::Cut,
            Delivery::Reset => After::Reset,
            Delivery::Silence => After::Silence,
            Delivery::Hostile(hostile) => hostile.after(),
        }
    }

    /// The bytes that go out, for a request with `method`.
    pub(super) fn bytes(&self, method: &str) -> Vec<u8> {
        match self.delivery {
            Delivery::Hostile(hostile) => hostile.bytes(&self.body),
            Delivery::Reset | Delivery::Silence => Vec::new(),
            Delivery::Whole | Delivery::Chunked | Delivery::Cut => self.page_bytes(method),
        }
    }

    fn page_bytes(&self, method: &str) -> Vec<u8> {
        let (status, reason) = (self.status, reason(self.status));
        let mut out = format!("HTTP/1.1 {status} {reason}\r\nContent-Type: {}\r\n", self.content_type);
        for (name, value) in &self.fields {
            out.push_str(&format!("{name}: {value}\r\n"));
        }
        if self.delivery == Delivery::Chunked {
            out.push_str("Transfer-Encoding: chunked\r\n\r\n");
        } else {
            out.push_str(&format!("Content-Length: {}\r\n\r\n", self.body.len()));
        }
        let mut out = out.into_bytes();
        if method != "HEAD" {
            self.write_body(&mut out);
        }
        out
    }

    fn write_body(&self, out: &mut Vec<u8>) {
        let body = &self.body[..];
        match self.delivery {
            Delivery::Whole | Delivery::Reset | Delivery::Silence | Delivery::Hostile(_) => out.extend_from_slice(body),
            Delivery::Cut => out.extend_from_slice(&body[..body.len() / 2]),
            Delivery::Chunked => {
                // Not a divisor of anything: chunks end in the middle of tags and characters.
                for chunk in body.chunks(997) {
                    out.extend_from_slice(format!("{:x}\r\n", chunk.len()).as_bytes());
                    out.extend_from_slice(chunk);
                    out.extend_from_slice(b"\r\n");
                }
                out.extend_from_slice(b"0\r\n\r\n");
            }
        }
    }
}

/// The pages and their faults.
#[derive(Debug)]
pub(super) struct Answers {
    base: String,
    pages: Pages,
    faults: HashMap<String, (Fault, AtomicU32)>,
    documents: HashMap<String, Document>,
}

impl Answers {
    /// Those of the site at `base`.
    pub(super) fn new(
        base: String,
        pages: Pages,
        faults: HashMap<String, Fault>,
        documents: HashMap<String, Document>,
    ) -> Self {
        let faults = faults.into_iter().map(|(path, fault)| (path, (fault, AtomicU32::new(0)))).collect();
        Self { base, pages, faults, documents }
    }

    /// The answer to one more request for `path`, by who is at `from`; `/ip` tells that address.
    pub(super) fn to(&self, path: &str, from: IpAddr) -> Answer {
        match self.faults.get(path) {
            None if path == "/ip" => Answer::origin(from),
            None => self.document(path, from).unwrap_or_else(|| self.page(path)),
            Some((Fault::Status(status), _)) => Answer::status(*status),
            Some((Fault::FieldMissing, _)) => Answer::new(200, frame("Nothing here", "<p>soon more</p>")),
            Some((Fault::Reset, _)) => Answer { delivery: Delivery::Reset, ..Answer::status(UNANSWERED) },
            Some((Fault::Silent, _)) => Answer::silence(),
            Some((Fault::CutBody, _)) => Answer { delivery: Delivery::Cut, ..self.page(path) },
            Some((Fault::Hostile(hostile), _)) => Answer { delivery: Delivery::Hostile(*hostile), ..self.page(path) },
            Some((Fault::Moved(to), _)) => Answer::redirect(301, to),
            Some((Fault::RedirectLoop, _)) => Answer::redirect(302, path),
            Some((Fault::Throttled { status, retry_after, first }, asked)) => {
                if asked.fetch_add(1, Ordering::Relaxed) >= *first {
                    return self.page(path);
                }
                let answer = Answer::status(*status);
                retry_after.map_or(answer.clone(), |wait| answer.retry_after(wait))
            }
        }
    }

    fn document(&self, path: &str, from: IpAddr) -> Option<Answer> {
        if let Some(Document { content_type, body }) = self.documents.get(path) {
            return Some(Answer::of_type(200, content_type, body.clone()));
        }
        let said = echo::answer(&self.base, path, from)?;
        Some(Answer::of_type(200, "application/json", said.into_bytes()))
    }

    fn page(&self, path: &str) -> Answer {
        let Some(page) = self.pages.at(path) else { return Answer::status(404) };
        let delivery = match page {
            Page::Detail(id) if id % 3 == 0 => Delivery::Chunked,
            Page::Detail(_) | Page::List(_) => Delivery::Whole,
        };
        Answer { delivery, ..Answer::new(200, self.pages.html(page)) }
    }
}

fn reason(status: u16) -> &'static str {
    match status {
        200 => "OK",
        301 => "Moved Permanently",
        302 => "Found",
        403 => "Forbidden",
        404 => "Not Found",
        410 => "Gone",
        429 => "Too Many Requests",
        500 => "Internal Server Error",
        503 => "Service Unavailable",
        _ => "Fault",
    }
}
