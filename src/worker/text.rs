//! Bytes to text: which encoding a page is in.
//!
//! What comes in: `Content-Type` and body. What goes out: text, borrowed from the body where it is valid UTF-8 already.
//! Pure; it must not know HTML beyond `<meta charset>`. In order: byte order mark, header, `<meta>`, UTF-8.

use std::borrow::Cow;

use encoding_rs::{Encoding, UTF_8, UTF_16BE, UTF_16LE, WINDOWS_1252, X_USER_DEFINED};

/// As far as browsers look for `<meta charset>`.
const PRESCAN: usize = 1024;

/// The text of a page. What is not valid in its encoding becomes U+FFFD; nothing fails.
pub(crate) fn decode<'a>(content_type: Option<&str>, body: &'a [u8]) -> Cow<'a, str> {
    if let Some((encoding, mark)) = Encoding::for_bom(body) {
        return encoding.decode_without_bom_handling(&body[mark..]).0;
    }
    let encoding = content_type.and_then(of_content_type).or_else(|| of_meta(body)).unwrap_or(UTF_8);
    encoding.decode_without_bom_handling(body).0
}

fn of_content_type(header: &str) -> Option<&'static Encoding> {
    header.split(';').skip(1).find_map(|parameter| {
        let (name, value) = parameter.split_once('=')?;
        let value = value.trim().trim_matches('"');
        name.trim().eq_ignore_ascii_case("charset").then(|| Encoding::for_label(value.as_bytes()))?
    })
}

fn of_meta(body: &[u8]) -> Option<&'static Encoding> {
    let mut rest = &body[..body.len().min(PRESCAN)];
    while let Some(at) = memchr(rest, b'<') {
        rest = &rest[at..];
        if rest.starts_with(b"<!--") {
            rest = &rest[rest.windows(3).position(|three| three == b"-->")?..];
        } else if starts_with(rest, b"<meta") && rest.get(5).is_some_and(|byte| !byte.is_ascii_alphanumeric()) {
            let tag = &rest[..memchr(rest, b'>')?];
            if let Some(encoding) = of_tag(tag) {
                return Some(encoding);
            }
            rest = &rest[tag.len()..];
        } else {
            rest = &rest[1..];
        }
    }
    None
}

/// `charset=` in a meta tag: as an attribute, or within `content="text/html; charset=…"`.
fn of_tag(tag: &[u8]) -> Option<&'static Encoding> {
    let at = (0..tag.len()).find(|&at| starts_with(&tag[at..], b"charset"))?;
    let value = tag[at + 7..].trim_ascii_start().strip_prefix(b"=")?.trim_ascii_start();
    let value = value.strip_prefix(b"\"").or_else(|| value.strip_prefix(b"'")).unwrap_or(value);
    let end =
        value.iter().position(|byte| matches!(byte, b'"' | b'\'' | b';' | b'>' | b'/') || byte.is_ascii_whitespace());
    let encoding = Encoding::for_label(&value[..end.unwrap_or(value.len())])?;
    // A page that could be read so far is not UTF-16, whatever it says; the other name is only ever a mistake.
    Some(match encoding {
        wide if wide == UTF_16LE || wide == UTF_16BE => UTF_8,
        odd if odd == X_USER_DEFINED => WINDOWS_1252,
        plain => plain,
    })
}

fn memchr(bytes: &[u8], wanted: u8) -> Option<usize> {
    bytes.iter().position(|byte| *byte == wanted)
}

fn starts_with(bytes: &[u8], word: &[u8]) -> bool {
    bytes.get(..word.len()).is_some_and(|start| start.eq_ignore_ascii_case(word))
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const HTML: Option<&str> = Some("text/html");

    #[test]
    fn valid_utf_8_is_borrowed() {
        for header in [None, HTML, Some("text/html; charset=utf-8"), Some("text/html;charset=\"UTF-8\"")] {
            assert!(matches!(decode(header, "霸王别姬 <b>é</b>".as_bytes()), Cow::Borrowed("霸王别姬 <b>é</b>")));
        }
    }

    #[test]
    fn a_byte_order_mark_beats_the_header_and_is_not_text() {
        assert_eq!(decode(Some("text/html; charset=gbk"), b"\xef\xbb\xbf\xc3\xa9"), "é");
        assert_eq!(decode(HTML, b"\xff\xfe\xe9\x00"), "é");
        assert_eq!(decode(HTML, b"\xfe\xff\x00\xe9"), "é");
    }

    #[test]
    fn the_header_beats_the_page() {
        let page = b"<meta charset=utf-8>\xe9";
        assert_eq!(decode(Some("text/html; x=y; Charset = iso-8859-1"), page), "<meta charset=utf-8>é");
        assert_eq!(decode(Some("text/html; charset=no-such"), b"<meta charset=latin1>\xe9"), "<meta charset=latin1>é");
    }

    #[test]
    fn the_page_says_it_in_each_of_its_ways() {
        for tag in [
            "<meta charset=gbk>",
            "<META CHARSET='GBK'/>",
            "<meta name=x content=y><meta charset = \"gb2312\" >",
            "<meta http-equiv=\"Content-Type\" content=\"text/html; charset=gbk\">",
            "<!-- <meta charset=koi8-r> --><meta charset=gbk>",
            "<metal charset=koi8-r><meta/charset=gbk>",
        ] {
            let page = [tag.as_bytes(), b"\xb0\xd4\xcd\xf5"].concat();
            assert_eq!(decode(HTML, &page), format!("{tag}霸王"), "{tag}");
        }
    }

    #[test]
    fn a_page_that_says_nothing_usable_is_utf_8_with_marks_for_what_is_not() {
        let late = [&[b' '; 1024][..], b"<meta charset=gbk>\xc3\xa9"].concat();
        assert!(decode(HTML, &late).ends_with("é"));
        assert_eq!(decode(HTML, b"<meta charset=utf-16le>\xc3\xa9"), "<meta charset=utf-16le>é");
        assert_eq!(decode(HTML, b"<meta charset=>caf\xe9"), "<meta charset=>caf\u{fffd}");
    }

    proptest! {
        #[test]
        fn any_bytes_are_some_text(
            header in proptest::option::of(".*"), start in "(<meta|<!--|charset|=|\"|>| |utf-16){0,8}", body: Vec<u8>
        ) {
            let _ = decode(header.as_deref(), &[start.as_bytes(), &body].concat());
        }
    }
}
