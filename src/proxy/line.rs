//! Proxy lines: how a proxy is written in a file or a list, and the name that it is shown by.
//!
//! Text comes in, endpoints and errors with line numbers go out. Pure. Neither errors nor labels hold a user, a password or
//! the line itself.

use std::collections::HashMap;
use std::fmt::Write;
use std::hash::Hasher;
use std::net::Ipv6Addr;

use percent_encoding::percent_decode_str;
use siphasher::sip::SipHasher13;
use url::Host;

use super::{Credentials, Endpoint, Scheme, Secret};

/// Why a proxy line cannot be used. None of it shows what is on the line, a misspelt scheme aside.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum LineError {
    /// Not a known scheme. It is shown only if it resembles one: what stands before `://` may be anything.
    #[error("unknown scheme{}", .0.as_ref().map_or(String::new(), |scheme| format!(" {scheme:?}")))]
    Scheme(Option<String>),
    /// Neither of the forms.
    #[error("not a proxy in any known form")]
    Form,
    /// Two readings are possible.
    #[error("user and password can be read in two ways")]
    Ambiguous,
    /// The port is missing, or not a number from 1 to 65535.
    #[error("the port is missing or not a number from 1 to 65535")]
    Port,
    /// No host name, IPv4 address or IPv6 address in brackets.
    #[error("the host is neither a name nor an address")]
    Host,
    /// Something follows the port.
    #[error("something follows the port")]
    Trailing,
    /// A password without a user.
    #[error("the user is empty")]
    User,
    /// What is percent-encoded is not UTF-8.
    #[error("user or password is not UTF-8 once percent-decoded")]
    Encoding,
    /// Basic authentication has no place for it.
    #[error("the user holds a colon, which HTTP proxies cannot be sent")]
    Colon,
    /// SOCKS5 has a byte for the length of each, and forbids 0.
    #[error("SOCKS5 takes a user and a password of 1 to 255 bytes")]
    SocksLength,
}

impl LineError {
    /// What to do about it.
    pub const fn help(&self) -> &'static str {
        match self {
            Self::Scheme(_) => "use http, https, socks5 or socks5h",
            Self::Form | Self::Port => "write host:port, http://user:password@host:port or host:port:user:password",
            Self::Ambiguous => "write it as http://user:password@host:port, with : and @ in them as %3A and %40",
            Self::Host => "an IPv6 address stands in brackets: [2001:db8::1]:8080",
            Self::Trailing => "end the line behind the port; comments stand on lines of their own",
            Self::User => "write user:password@host:port, or leave both out",
            Self::Encoding => "percent-encode a literal % as %25",
            Self::Colon => "ask the proxy's vendor for a user without a colon",
            Self::SocksLength => "if the proxy wants a token alone, ask its vendor what to send as the password",
        }
    }
}

/// What a text of proxy lines holds.
#[derive(Clone, Debug, Default)]
pub struct Lines {
    /// The proxies with their line numbers from 1, in order, repeats among them.
    pub endpoints: Vec<(usize, Endpoint)>,
    /// The lines that cannot be used.
    pub errors: Vec<(usize, LineError)>,
}

/// Reads a text of proxy lines: blank lines and lines that start with `#` are skipped, a byte order mark and CRLF
/// tolerated. `default` is the scheme of lines without one.
pub fn read(text: &str, default: Scheme) -> Lines {
    let mut lines = Lines::default();
    for (index, line) in text.trim_start_matches('\u{feff}').lines().enumerate() {
        let line = line.trim();
        if line.is_empty() || line.starts_with('#') {
            continue;
        }
        match parse(line, default) {
            Ok(endpoint) => lines.endpoints.push((index + 1, endpoint)),
            Err(error) => lines.errors.push((index + 1, error)),
        }
    }
    lines
}

/// Reads one proxy: `[scheme://][user:password@]host:port` with user and password percent-encoded, or
/// `host:port:user:password` as it stands.
///
/// # Errors
/// What is wrong with it, without showing it.
pub fn parse(line: &str, default: Scheme) -> Result<Endpoint, LineError> {
    let line = line.trim();
    if let Some((scheme, authority)) = split_scheme(line) {
        return parse_authority(scheme_named(scheme)?, authority);
    }
    if !line.contains('@') {
        return parse_bare(default, line);
    }
    match (parse_bare(default, line), parse_authority(default, line)) {
        (Ok(bare), Ok(url_form)) if bare.credentials.is_some() && bare != url_form => Err(LineError::Ambiguous),
        (Ok(bare), Err(_)) => Ok(bare),
        (_, url_form) => url_form,
    }
}

/// What stands before `://`, if that can be a scheme: a `:` or `@` before it belongs to a password.
fn split_scheme(line: &str) -> Option<(&str, &str)> {
    let (scheme, rest) = line.split_once("://")?;
    scheme.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"+-.".contains(&byte)).then_some((scheme, rest))
}

fn scheme_named(name: &str) -> Result<Scheme, LineError> {
    match name.to_ascii_lowercase().as_str() {
        "http" => Ok(Scheme::Http),
        "https" => Ok(Scheme::Https),
        "socks5" | "socks5h" => Ok(Scheme::Socks5),
        other => {
            let known = ["http", "https", "socks5", "socks5h"];
            let resembles = known.into_iter().any(|known| strsim::damerau_levenshtein(known, other) <= 2);
            Err(LineError::Scheme(resembles.then(|| other.to_owned())))
        }
    }
}

/// `[user[:password]@]host:port`, with a slash behind it tolerated.
fn parse_authority(scheme: Scheme, text: &str) -> Result<Endpoint, LineError> {
    let (userinfo, place) = match text.rsplit_once('@') {
        Some((userinfo, place)) => (Some(userinfo), place),
        None => (None, text),
    };
    let place = place.strip_suffix('/').unwrap_or(place);
    let (host, port) = split_place(place)?;
    if port.contains(':') {
        return Err(if host.starts_with('[') { LineError::Form } else { LineError::Host });
    }
    let credentials = userinfo.map(|userinfo| {
        let (user, password) = userinfo.split_once(':').unwrap_or((userinfo, ""));
        Ok((decoded(user)?, decoded(password)?))
    });
    endpoint(scheme, host, port, credentials.transpose()?)
}

/// `host:port` or `host:port:user:password`, nothing of it encoded.
fn parse_bare(scheme: Scheme, text: &str) -> Result<Endpoint, LineError> {
    let (host, rest) = split_place(text)?;
    match rest.split_once(':') {
        None => endpoint(scheme, host, rest, None),
        Some((port, credentials)) => {
            if !is_port(port) {
                return Err(LineError::Form);
            }
            let (user, password) = credentials.split_once(':').ok_or(LineError::Form)?;
            endpoint(scheme, host, port, Some((user.to_owned(), password.to_owned())))
        }
    }
}

/// The host, with its brackets, and what follows its colon.
fn split_place(text: &str) -> Result<(&str, &str), LineError> {
    if text.starts_with('[') {
        let end = text.find(']').ok_or(LineError::Host)?;
        let (host, rest) = text.split_at(end + 1);
        return rest.strip_prefix(':').map(|rest| (host, rest)).ok_or(LineError::Port);
    }
    if text.parse::<Ipv6Addr>().is_ok() {
        return Err(LineError::Host);
    }
    text.split_once(':').ok_or(LineError::Port)
}

fn is_port(text: &str) -> bool {
    port(text).is_ok()
}

fn port(text: &str) -> Result<u16, LineError> {
    let digits = text.bytes().take_while(u8::is_ascii_digit).count();
    if digits > 0 && digits < text.len() && matches!(text.as_bytes()[digits], b'/' | b'?' | b'#' | b' ' | b'\t') {
        return Err(LineError::Trailing);
    }
    let number = text.parse::<u16>().ok().filter(|&port| port > 0 && digits == text.len());
    number.ok_or(LineError::Port)
}

fn decoded(text: &str) -> Result<String, LineError> {
    let text = percent_decode_str(text).decode_utf8().map_err(|_| LineError::Encoding)?;
    Ok(text.into_owned())
}

fn endpoint(
    scheme: Scheme,
    host: &str,
    port_text: &str,
    credentials: Option<(String, String)>,
) -> Result<Endpoint, LineError> {
    let port = port(port_text)?;
    let host = match Host::parse(host).map_err(|_| LineError::Host)? {
        Host::Domain(name) => name,
        Host::Ipv4(address) => address.to_string(),
        Host::Ipv6(address) => address.to_string(),
    };
    if let Some((user, password)) = &credentials {
        if user.is_empty() {
            return Err(LineError::User);
        }
        match scheme {
            Scheme::Http | Scheme::Https if user.contains(':') => return Err(LineError::Colon),
            Scheme::Socks5 if ![user, password].iter().all(|text| (1..=255).contains(&text.len())) => {
                return Err(LineError::SocksLength);
            }
            Scheme::Http | Scheme::Https | Scheme::Socks5 => {}
        }
    }
    let credentials =
        credentials.map(|(user, password)| Credentials { user: Secret::new(user), password: Secret::new(password) });
    let mut endpoint = Endpoint { scheme, host, port, credentials, label: "".into() };
    endpoint.label = label(&endpoint).into();
    Ok(endpoint)
}

/// `host:port`, with `~` and 4 hex digits that stand for the user where there is one.
fn label(endpoint: &Endpoint) -> String {
    let mut label = place(endpoint);
    if let Some(user) = endpoint.user() {
        _ = write!(label, "~{:04x}", fingerprint(user) & 0xffff);
    }
    label
}

/// The label of one of several proxies that would have the same: 12 digits, for scheme and user.
fn long_label(endpoint: &Endpoint) -> String {
    let identity = format!("{} {}", endpoint.scheme.as_str(), endpoint.user().unwrap_or_default());
    format!("{}~{:012x}", place(endpoint), fingerprint(&identity) & 0xffff_ffff_ffff)
}

fn place(endpoint: &Endpoint) -> String {
    let (open, close) = if endpoint.host.contains(':') { ("[", "]") } else { ("", "") };
    format!("{open}{}{close}:{}", endpoint.host, endpoint.port)
}

fn fingerprint(text: &str) -> u64 {
    // The key is fixed, so that a label means the same proxy in the next run and in another file. The bytes are hashed
    // as they are: what `Hash` makes of a string may change with the compiler.
    let mut hasher = SipHasher13::new_with_keys(0x6275_7264_6f63_6b00, 0x6c61_6265_6c00_0000);
    hasher.write(text.as_bytes());
    hasher.finish()
}

/// Keeps the first of each proxy (scheme, host, port and user make it one), and gives longer labels to different proxies
/// that would have the same. Returns the positions of the repeats.
pub fn distinct(endpoints: Vec<Endpoint>) -> (Vec<Endpoint>, Vec<usize>) {
    let mut seen = std::collections::HashSet::new();
    let (mut kept, mut repeats) = (Vec::new(), Vec::new());
    for (position, endpoint) in endpoints.into_iter().enumerate() {
        if seen.insert(endpoint.identity()) {
            kept.push(endpoint);
        } else {
            repeats.push(position);
        }
    }
    let mut labels = HashMap::new();
    for endpoint in &kept {
        *labels.entry(endpoint.label.clone()).or_insert(0) += 1;
    }
    for endpoint in &mut kept {
        if labels.get(&endpoint.label).is_some_and(|&count| count > 1) {
            endpoint.label = long_label(endpoint).into();
        }
    }
    (kept, repeats)
}

impl Endpoint {
    /// The name under which something may be kept about it: its scheme, its place and a hash of its user. It shows no secret,
    /// and means the same proxy in whatever file and line it stands.
    pub fn kept_as(&self) -> String {
        format!("{}://{}", self.scheme.as_str(), long_label(self))
    }

    fn user(&self) -> Option<&str> {
        self.credentials.as_ref().map(|credentials| credentials.user.reveal())
    }

    fn identity(&self) -> (Scheme, String, u16, Option<Secret>) {
        (self.scheme, self.host.clone(), self.port, self.credentials.as_ref().map(|known| known.user.clone()))
    }
}

#[cfg(test)]
mod tests;
