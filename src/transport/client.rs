//! The client of one proxy lease: sends one request over one hop and never panics.
//!
//! In: a [`Request`]. Out: an [`Exchange`]. It follows no redirect, repeats nothing and blames nobody. One timer bounds
//! each stage: connecting, waiting for the head, reading the body.

use std::future::{Future, poll_fn};
use std::io;
use std::pin::{Pin, pin};
use std::rc::Rc;
use std::sync::Arc;
use std::task::ready;
use std::time::Duration;

use actix_http::body;
use actix_http::error::{ParseError, PayloadError};
use awc::error::{ConnectError, SendRequestError};
use awc::http::header::{self, PROXY_AUTHENTICATE, PROXY_AUTHORIZATION};
use awc::http::{Method, Uri};
use awc::{ClientResponse, SendClientRequest};
use bytes::Bytes;
use futures_util::StreamExt;
use tokio::time::{Instant, Sleep, sleep_until};

use super::answer::{Answer, Exchange, Timing};
use super::body::Body;
use super::connector::{Connector, Dialler};
use super::failure::{Dial, Failure, TlsFailure, TlsProblem};
use super::leg::{Leg, host_line};
use super::request::Template;
use super::socks;
use super::tls::Tls;
use super::wire::{Meter, Stage, Wire};
use crate::clock::{Clock, Timestamp};
use crate::config::Fetch;
use crate::proxy::{Route, Scheme};
use crate::task::{self, Request};

/// Longer than any time-out of ours: awc's own must never be the first, because they do not say what happened.
const NEVER: Duration = Duration::from_secs(24 * 3600);
/// A connection that was idle for longer has most likely been forgotten on its way, without a word to us.
const IDLE: Duration = Duration::from_secs(60);

/// What becomes of a connection after its first answer.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Connections {
    /// It is kept for the next request.
    #[default]
    Kept,
    /// It is closed: the next request leaves by another one, and through a gateway by another address.
    Single,
}

/// Fetches through one route. It keeps connections alive; dropping it closes them.
pub struct Client {
    awc: awc::Client,
    route: Arc<Route>,
    template: Template,
    wire: Rc<Wire>,
    connect_timeout: Duration,
    head_timeout: Duration,
    timeout: Duration,
    max_body: u64,
    connections: Connections,
    /// Any certificate will do, so that TLS proves nothing.
    insecure_tls: bool,
}

impl Client {
    /// A client for `route`. Nothing is dialled yet.
    ///
    /// # Errors
    /// [`Failure::ClientUnusable`] for credentials that the proxy's protocol has no room for, and for headers that HTTP does
    /// not allow.
    pub fn new(route: Arc<Route>, tls: &Tls, settings: &Fetch, clock: Clock) -> Result<Self, Failure> {
        let credentials = match &*route {
            Route::Direct => None,
            Route::Proxy(proxy) => match proxy.scheme {
                Scheme::Http | Scheme::Https => proxy.credentials.as_ref(),
                Scheme::Socks5 => {
                    proxy.credentials.as_ref().map(socks::check).transpose()?;
                    None
                }
            },
        };
        let template = Template::new(settings, credentials)?;
        let wire = Rc::new(Wire::new(clock));
        let dialler = Dialler {
            route: Arc::clone(&route),
            tls: tls.for_one_proxy(),
            wire: Rc::clone(&wire),
            order: template.order(),
            proxy_authorization: template.proxy_authorization().cloned(),
        };
        Ok(Self {
            awc: awc_client(Connector(Rc::new(dialler))),
            route,
            template,
            wire,
            connect_timeout: settings.connect_timeout.min(settings.timeout),
            head_timeout: settings.head_timeout,
            timeout: settings.timeout,
            max_body: settings.max_body,
            connections: Connections::Kept,
            insecure_tls: settings.insecure_tls,
        })
    }

    /// The same client, whose connections are kept or not.
    #[must_use]
    pub fn keeping(self, connections: Connections) -> Self {
        Self { connections, ..self }
    }

    /// Sends `request` over one hop. Where it failed, and what it cost, is in the exchange.
    pub async fn send(&self, request: &Request) -> Exchange {
        let meter = Rc::new(Meter::default());
        let begun = self.wire.now();
        let mut headed = None;
        let result = self.wire.metered(&meter, self.hop(request, &meter, &mut headed)).await;
        let (ended, sent) = (self.wire.now(), meter.sent.get());
        let reused = meter.reused();
        let timing = Timing {
            connect: if reused { Duration::ZERO } else { sent.unwrap_or(ended).since(begun) },
            head: sent.map_or(Duration::ZERO, |sent| headed.unwrap_or(ended).since(sent)),
            receive: headed.map_or(Duration::ZERO, |headed| ended.since(headed)),
        };
        Exchange { result, sent, reused, wire: meter.bytes.get(), timing }
    }

    async fn hop(&self, request: &Request, meter: &Meter, headed: &mut Option<Timestamp>) -> Result<Answer, Failure> {
        let leg = Leg::of(&self.route, &request.url)?;
        let begun = Instant::now();
        let mut alarm = pin!(sleep_until(begun + self.connect_timeout));
        let end = begun + self.timeout;
        let mut response = self.head(self.written(request, &leg)?, meter, alarm.as_mut(), end).await?;
        let at = self.wire.now();
        *headed = Some(at);
        let status = response.status().as_u16();
        if status == 407 && leg == Leg::Forward && response.headers().contains_key(PROXY_AUTHENTICATE) {
            return Err(Failure::ProxyAuth);
        }
        alarm.as_mut().reset(end);
        let body = match self.body_in_time(&mut response, alarm).await {
            // What has happened is said by the status; what there is of the page may say more of it.
            Err((_, begun)) if !(200..=299).contains(&status) => begun,
            body => body.map_err(|(failure, _)| failure)?,
        };
        Ok(Answer { status, headers: response.headers().clone(), body, secure: self.is_sure(&leg), at })
    }

    /// The request as awc is to send it.
    fn written(&self, request: &Request, leg: &Leg) -> Result<SendClientRequest, Failure> {
        let uri = Uri::builder().scheme("http").authority(leg.authority()).path_and_query(leg.target(&request.url));
        let uri = uri.build().map_err(|error| Failure::Unsendable(format!("{}: {error}", request.url.path())))?;
        let method = match request.method {
            task::Method::Get => Method::GET,
            task::Method::Post => Method::POST,
        };
        let mut awc = self.awc.request(method, uri).camel_case();
        if self.connections == Connections::Single {
            awc = awc.force_close();
        }
        *awc.headers_mut() = self.template.to_site(host_line(&request.url))?;
        if let (Leg::Forward, Some(value)) = (leg, self.template.proxy_authorization()) {
            awc.headers_mut().insert(PROXY_AUTHORIZATION, value.clone());
        }
        Ok(match (&request.body, request.method) {
            (Some(body), _) => awc.send_body(body.to_string()),
            (None, task::Method::Get) => awc.send_body(body::None::new()),
            (None, task::Method::Post) => awc.send_body(()),
        })
    }

    /// Waits for the head. What is readable is looked at before the clock is: a busy thread makes nobody late.
    async fn head(
        &self,
        mut sending: SendClientRequest,
        meter: &Meter,
        mut alarm: Pin<&mut Sleep>,
        end: Instant,
    ) -> Result<ClientResponse, Failure> {
        let mut waiting = false;
        poll_fn(|cx| {
            if let std::task::Poll::Ready(response) = Pin::new(&mut sending).poll(cx) {
                return std::task::Poll::Ready(response.map_err(|error| self.unsent(&error, meter)));
            }
            if !waiting && meter.sent.get().is_some() {
                waiting = true;
                alarm.as_mut().reset(end.min(Instant::now() + self.head_timeout));
            }
            ready!(alarm.as_mut().poll(cx));
            std::task::Poll::Ready(Err(self.late(meter)))
        })
        .await
    }

    /// Can nobody on the way have made the answer up?
    fn is_sure(&self, leg: &Leg) -> bool {
        match leg {
            Leg::Forward | Leg::Relay(_) => false,
            Leg::Tunnel(_) => !self.insecure_tls,
            Leg::Plain(_) | Leg::Secure(_) => true,
        }
    }

    /// Reads the body; a failure comes with what there is of it. What is readable is looked at before the clock is.
    async fn body_in_time(
        &self,
        response: &mut ClientResponse,
        mut alarm: Pin<&mut Sleep>,
    ) -> Result<Bytes, (Failure, Bytes)> {
        let mut body = self.body_of(response).map_err(|failure| (failure, Bytes::new()))?;
        let ended = {
            let mut reading = pin!(fill(&mut body, response));
            poll_fn(|cx| match reading.as_mut().poll(cx) {
                std::task::Poll::Ready(ended) => std::task::Poll::Ready(ended),
                std::task::Poll::Pending => alarm.as_mut().poll(cx).map(|()| Err(Failure::BodyTimeout)),
            })
            .await
        };
        match ended {
            Ok(()) => body.finish().map_err(|failure| (failure, Bytes::new())),
            Err(failure) => Err((failure, body.begun())),
        }
    }

    fn body_of(&self, response: &ClientResponse) -> Result<Body, Failure> {
        let codings = response.headers().get_all(header::CONTENT_ENCODING);
        let codings: Vec<_> = codings.map(|value| value.to_str().unwrap_or("unreadable")).collect();
        let body = Body::new(&codings.join(","), self.max_body)?;
        let announced =
            response.headers().get(header::CONTENT_LENGTH).and_then(|length| length.to_str().ok()?.parse().ok());
        if announced.is_some_and(|length: u64| length > self.max_body) {
            return Err(Failure::TooLarge { limit: self.max_body });
        }
        Ok(body)
    }

    /// What it means that the alarm went off before there was a head.
    fn late(&self, meter: &Meter) -> Failure {
        match (meter.sent.get(), meter.stage.get()) {
            (Some(_), _) | (None, Stage::Begun) => Failure::HeadTimeout,
            (None, Stage::Dialling) => match &*self.route {
                Route::Direct => Failure::SiteUnreachable(Dial::TimedOut),
                Route::Proxy(_) => Failure::ProxyUnreachable(Dial::TimedOut),
            },
            (None, Stage::SecuringProxy) => Failure::ProxyTls(no_handshake()),
            (None, Stage::Tunnelling) => Failure::TunnelTimeout,
            (None, Stage::SecuringSite) => Failure::SiteTls(no_handshake()),
        }
    }

    /// Our own failures travel through awc in its I/O errors; the rest is awc's.
    fn unsent(&self, error: &SendRequestError, meter: &Meter) -> Failure {
        let within = |error: &io::Error| Failure::in_io(error).unwrap_or(Failure::ClosedBeforeHead);
        match error {
            SendRequestError::Connect(ConnectError::Io(error))
            | SendRequestError::Response(ParseError::Io(error))
            | SendRequestError::Send(error) => within(error),
            SendRequestError::Connect(ConnectError::Disconnected) => Failure::ClosedBeforeHead,
            SendRequestError::Connect(ConnectError::Timeout) | SendRequestError::Timeout => self.late(meter),
            SendRequestError::Response(error) => Failure::NotHttp(error.to_string()),
            SendRequestError::Url(_) | SendRequestError::Http(_) => Failure::Unsendable(error.to_string()),
            // Nothing that a proxy did: another one would be told the same.
            other => Failure::Unsendable(other.to_string()),
        }
    }
}

async fn fill(body: &mut Body, response: &mut ClientResponse) -> Result<(), Failure> {
    while let Some(piece) = response.next().await {
        body.push(piece.map_err(|error| cut(&error))?)?;
    }
    Ok(())
}

fn no_handshake() -> TlsFailure {
    TlsFailure { problem: TlsProblem::TimedOut, words: "no handshake within the time-out".into(), issuer: None }
}

fn cut(error: &PayloadError) -> Failure {
    match error {
        PayloadError::Incomplete(Some(error)) | PayloadError::Io(error) => {
            Failure::in_io(error).unwrap_or_else(|| Failure::CutBody(error.to_string()))
        }
        other => Failure::CutBody(other.to_string()),
    }
}

fn awc_client(connector: Connector) -> awc::Client {
    let connector =
        awc::Connector::new().connector(connector).timeout(NEVER).conn_keep_alive(IDLE).conn_lifetime(NEVER);
    awc::Client::builder().connector(connector).disable_timeout().disable_redirects().no_default_headers().finish()
}
