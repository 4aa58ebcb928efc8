//! Bytes to text: which encoding a page is in.
//!
//! What comes in: `Content-Type`, address and body. What goes out: text, borrowed from the body where it is valid UTF-8
//! already. Pure; it must not know HTML beyond `<meta charset>`. In order, as browsers do it: byte order mark, header,
//! `<meta>`, a guess from the bytes and the country in the address.

use std::borrow::Cow;

use chardetng::{EncodingDetector, Iso2022JpDetection, Utf8Detection};
use encoding_rs::{Encoding, UTF_8, UTF_16BE, UTF_16LE, WINDOWS_1252, X_USER_DEFINED};
use url::{Host, Url};

/// As far as browsers look for `<meta charset>`.
const PRESCAN: usize = 1024;
/// Bytes that a guess is made from: more would tell no more, and takes time.
const GUESSED_FROM: usize = 1 << 20;
/// What text in ISO-2022-JP has, and no other.
const ESCAPE: u8 = 0x1b;

/// The text of a page. What is not valid in its encoding becomes U+FFFD; nothing fails.
///
/// A header or page that says UTF-8 is not believed if the bytes are wrong more often than right: then what comes after it
/// in the order decides. A page of UTF-8 that was cut or pasted together keeps its text, with marks where it is damaged.
pub(crate) fn decode<'a>(content_type: Option<&str>, url: &Url, body: &'a [u8]) -> Cow<'a, str> {
    if let Some((encoding, mark)) = Encoding::for_bom(body) {
        return encoding.decode_without_bom_handling(&body[mark..]).0;
    }
    let declared = content_type.and_then(of_content_type).filter(|encoding| is_believed(encoding, body));
    let declared = declared.or_else(|| {
        let page = if is_json(content_type, body) { None } else { of_page(body) };
        page.filter(|encoding| is_believed(encoding, body))
    });
    declared.unwrap_or_else(|| guess(url, body)).decode_without_bom_handling(body).0
}

fn is_believed(encoding: &'static Encoding, body: &[u8]) -> bool {
    encoding != UTF_8 || is_rather_utf_8(body)
}

/// Is there more of UTF-8 beyond ASCII than of what cannot be UTF-8?
fn is_rather_utf_8(body: &[u8]) -> bool {
    if std::str::from_utf8(body).is_ok() {
        return true;
    }
    let (mut right, mut wrong) = (0, 0);
    for chunk in body.utf8_chunks() {
        right += chunk.valid().chars().filter(|letter| !letter.is_ascii()).count();
        wrong += usize::from(!chunk.invalid().is_empty());
    }
    right >= wrong
}

fn guess(url: &Url, body: &[u8]) -> &'static Encoding {
    if !body.contains(&ESCAPE) && is_rather_utf_8(body) {
        return UTF_8;
    }
    let start = body.get(..GUESSED_FROM).unwrap_or(body);
    let mut detector = EncodingDetector::new(Iso2022JpDetection::Allow);
    detector.feed(start, start.len() == body.len());
    let encoding = detector.guess(top_level_domain(url), Utf8Detection::Allow);
    // Where the bytes are all ASCII, it says what browsers fall back to.
    if body.is_ascii() && encoding == WINDOWS_1252 { UTF_8 } else { encoding }
}

/// What a guess may go by: texts of `.ru` are rather Russian. In lower case and ASCII, as all hosts of URLs are.
fn top_level_domain(url: &Url) -> Option<&[u8]> {
    let Some(Host::Domain(name)) = url.host() else { return None };
    let label = name.trim_end_matches('.').rsplit('.').next()?;
    let usable = label.bytes().all(|byte| byte.is_ascii() && !byte.is_ascii_uppercase());
    (usable && !label.is_empty()).then_some(label.as_bytes())
}

/// JSON may have a page with a `<meta>` in one of its texts, which says nothing about itself.
fn is_json(content_type: Option<&str>, body: &[u8]) -> bool {
    let essence = content_type.and_then(|header| header.split(';').next()).unwrap_or_default();
    essence.trim().to_ascii_lowercase().ends_with("json")
        || matches!(body.trim_ascii_start().first(), Some(b'{' | b'['))
}

/// The encoding of a name. Those that no browser decodes any more are none.
fn named(label: &[u8]) -> Option<&'static Encoding> {
    Encoding::for_label_no_replacement(label)
}

fn of_content_type(header: &str) -> Option<&'static Encoding> {
    header.split(';').skip(1).find_map(|parameter| {
        let (name, value) = parameter.split_once('=')?;
        let value = value.trim().trim_matches(['"', '\'']);
        name.trim().eq_ignore_ascii_case("charset").then(|| named(value.as_bytes()))?
    })
}

/// What the beginning of a page says about itself.
fn of_page(body: &[u8]) -> Option<&'static Encoding> {
    let start = &body[..body.len().min(PRESCAN)];
    let encoding = of_xml(start).or_else(|| of_meta(start))?;
    // A page that could be read so far is not UTF-16, whatever it says; the other name is only ever a mistake.
    Some(match encoding {
        wide if wide == UTF_16LE || wide == UTF_16BE => UTF_8,
        odd if odd == X_USER_DEFINED => WINDOWS_1252,
        plain => plain,
    })
}

/// `<?xml version="1.0" encoding="…"?>`
fn of_xml(start: &[u8]) -> Option<&'static Encoding> {
    let declaration = start.strip_prefix(b"<?xml")?;
    let end = position(declaration, |byte| byte == b'>')?;
    let mut attributes = Attributes(&declaration[..end]);
    attributes.find(|(name, _)| name.eq_ignore_ascii_case(b"encoding")).and_then(|(_, label)| named(label))
}

fn of_meta(start: &[u8]) -> Option<&'static Encoding> {
    let mut rest = start;
    while let Some(at) = position(rest, |byte| byte == b'<') {
        rest = &rest[at..];
        if rest.starts_with(b"<!--") {
            rest = &rest[rest.windows(3).position(|three| three == b"-->")?..];
        } else if starts_with(rest, b"<meta") && rest.get(5).is_some_and(|byte| is_gap(*byte)) {
            if let Some(encoding) = of_tag(&rest[5..]) {
                return Some(encoding);
            }
            rest = &rest[5..];
        } else {
            rest = &rest[1..];
        }
    }
    None
}

/// `charset=…`, or `content="text/html; charset=…"` beside `http-equiv="Content-Type"`.
fn of_tag(tag: &[u8]) -> Option<&'static Encoding> {
    let (mut charset, mut content, mut is_type) = (None, None, false);
    for (name, value) in Attributes(tag) {
        match name.to_ascii_lowercase().as_slice() {
            b"charset" => charset = charset.or(Some(value)),
            b"content" => content = content.or_else(|| of_content(value)),
            b"http-equiv" => is_type = is_type || value.eq_ignore_ascii_case(b"content-type"),
            _ => {}
        }
    }
    named(charset.or(content.filter(|_| is_type))?)
}

fn of_content(value: &[u8]) -> Option<&[u8]> {
    let at = (0..value.len()).find(|at| starts_with(&value[*at..], b"charset"))?;
    let label = value[at + 7..].trim_ascii_start().strip_prefix(b"=")?.trim_ascii_start();
    let label = label.strip_prefix(b"\"").or_else(|| label.strip_prefix(b"'")).unwrap_or(label);
    let end = position(label, |byte| matches!(byte, b'"' | b'\'' | b';') || byte.is_ascii_whitespace());
    Some(&label[..end.unwrap_or(label.len())])
}

/// The attributes of a tag, up to its end.
struct Attributes<'a>(&'a [u8]);

impl<'a> Iterator for Attributes<'a> {
    type Item = (&'a [u8], &'a [u8]);

    fn next(&mut self) -> Option<Self::Item> {
        let begin = position(self.0, |byte| !is_gap(byte))?;
        let text = &self.0[begin..];
        if text.starts_with(b">") {
            return None;
        }
        let end =
            position(&text[1..], |byte| is_gap(byte) || matches!(byte, b'=' | b'>')).map_or(text.len(), |at| at + 1);
        let (name, rest) = text.split_at(end);
        let Some(after) = rest.trim_ascii_start().strip_prefix(b"=") else {
            self.0 = rest;
            return Some((name, b""));
        };
        let after = after.trim_ascii_start();
        let (value, rest) = match after.first() {
            Some(&quote @ (b'"' | b'\'')) => {
                let inner = &after[1..];
                let end = position(inner, |byte| byte == quote)?;
                (&inner[..end], &inner[end + 1..])
            }
            _ => {
                let end = position(after, |byte| byte == b'>' || byte.is_ascii_whitespace()).unwrap_or(after.len());
                after.split_at(end)
            }
        };
        self.0 = rest;
        Some((name, value.strip_suffix(b"/").unwrap_or(value)))
    }
}

fn is_gap(byte: u8) -> bool {
    byte == b'/' || byte.is_ascii_whitespace()
}

fn position(bytes: &[u8], wanted: impl Fn(u8) -> bool) -> Option<usize> {
    bytes.iter().position(|byte| wanted(*byte))
}

fn starts_with(bytes: &[u8], word: &[u8]) -> bool {
    bytes.get(..word.len()).is_some_and(|start| start.eq_ignore_ascii_case(word))
}

#[cfg(test)]
mod tests;
