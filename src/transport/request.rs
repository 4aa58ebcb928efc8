//! What we say: the lines of a request, and their order on the wire.
//!
//! In: settings and credentials, once; an address each time. Out: headers for awc, and its bytes put right: awc shuffles
//! the lines of each request and adds a date, and both would tell that a machine asks. Knows no sockets.

use std::rc::Rc;

use awc::http::header::{self, HeaderMap, HeaderName, HeaderValue};
use base64::Engine;
use base64::prelude::BASE64_STANDARD;
use bytes::{BufMut, BytesMut};

use super::failure::Failure;
use crate::config::Fetch;
use crate::proxy::Credentials;

/// The order of a request's lines, by name in lower case; what is not listed comes last.
#[derive(Debug)]
pub(super) struct Order(Vec<Box<str>>);

impl Order {
    fn rank(&self, line: &[u8]) -> usize {
        let name = line.split(|byte| *byte == b':').next().unwrap_or_default();
        let place = self.0.iter().position(|known| known.as_bytes().eq_ignore_ascii_case(name));
        place.unwrap_or(self.0.len())
    }

    /// Appends the request that begins `bytes` to `out`, its lines in order and without the date. Tells how many bytes of
    /// `bytes` that were.
    pub(super) fn rewrite(&self, bytes: &[u8], out: &mut BytesMut) -> usize {
        let Some(end) = bytes.windows(4).position(|window| window == b"\r\n\r\n") else {
            out.put_slice(bytes);
            return bytes.len();
        };
        let mut lines = bytes[..end].split(|byte| *byte == b'\n').map(|line| line.strip_suffix(b"\r").unwrap_or(line));
        let first = lines.next().unwrap_or_default();
        let mut lines: Vec<_> = lines.filter(|line| !is_date(line)).map(|line| (self.rank(line), line)).collect();
        lines.sort_by_key(|(rank, _)| *rank);
        out.reserve(end + 4);
        for line in std::iter::once(first).chain(lines.into_iter().map(|(_, line)| line)) {
            out.put_slice(line);
            out.put_slice(b"\r\n");
        }
        out.put_slice(b"\r\n");
        end + 4
    }
}

fn is_date(line: &[u8]) -> bool {
    line.get(..5).is_some_and(|name| name.eq_ignore_ascii_case(b"date:"))
}

/// What all requests of a client have in common.
pub(super) struct Template {
    headers: HeaderMap,
    proxy_authorization: Option<HeaderValue>,
    order: Rc<Order>,
}

impl Template {
    /// The lines that `settings` ask for, and those that show `credentials`.
    pub(super) fn new(settings: &Fetch, credentials: Option<&Credentials>) -> Result<Self, Failure> {
        let mut headers = HeaderMap::new();
        let mut order: Vec<Box<str>> = ["host", "proxy-authorization", "user-agent"].map(Box::from).into();
        headers.insert(header::USER_AGENT, value_of("user-agent", &settings.user_agent)?);
        for (name, value) in &settings.headers {
            let known = HeaderName::from_bytes(name.as_bytes());
            let known = known.map_err(|_| Failure::ClientUnusable(format!("{name:?} is no name of a header")))?;
            headers.insert(known, value_of(name, value.reveal())?);
            order.push(name.to_ascii_lowercase().into());
        }
        if !headers.contains_key(header::ACCEPT_ENCODING) {
            headers.insert(header::ACCEPT_ENCODING, HeaderValue::from_static("gzip, deflate"));
        }
        order.extend(["accept-encoding", "content-length"].map(Box::from));
        let proxy_authorization = credentials.map(basic).transpose()?;
        Ok(Self { headers, proxy_authorization, order: Rc::new(Order(order)) })
    }

    pub(super) fn order(&self) -> Rc<Order> {
        Rc::clone(&self.order)
    }

    /// What shows our credentials to the proxy; marked so that nothing prints it.
    pub(super) fn proxy_authorization(&self) -> Option<&HeaderValue> {
        self.proxy_authorization.as_ref()
    }

    /// The headers of one request that the site gets.
    pub(super) fn to_site(&self, host: &str) -> Result<HeaderMap, Failure> {
        let mut headers = self.headers.clone();
        let host = HeaderValue::from_str(host);
        headers.insert(header::HOST, host.map_err(|_| Failure::Unsendable("the host is no header value".into()))?);
        Ok(headers)
    }
}

fn value_of(name: &str, value: &str) -> Result<HeaderValue, Failure> {
    HeaderValue::from_str(value)
        .map_err(|_| Failure::ClientUnusable(format!("the value of header {name:?} is not allowed")))
}

fn basic(credentials: &Credentials) -> Result<HeaderValue, Failure> {
    let plain = format!("{}:{}", credentials.user.reveal(), credentials.password.reveal());
    let value = HeaderValue::from_str(&format!("Basic {}", BASE64_STANDARD.encode(plain)));
    let mut value = value.map_err(|_| Failure::ClientUnusable("the proxy's credentials cannot be written".into()))?;
    value.set_sensitive(true);
    Ok(value)
}
