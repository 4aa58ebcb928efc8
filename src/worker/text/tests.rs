//! Pages in every usual encoding, with and without a word about it.

use encoding_rs::{BIG5, EUC_JP, EUC_KR, GB18030, GBK, ISO_2022_JP, ISO_8859_2, ISO_8859_7, SHIFT_JIS, WINDOWS_1251};
use proptest::prelude::*;

use super::*;

const HTML: Option<&str> = Some("text/html");

/// Some words of each language, enough of them for a guess.
const TEXTS: [(&Encoding, &str); 11] = [
    (GBK, "这部电影讲述了一位年轻的京剧演员和他的朋友们在动荡年代里的故事，导演花了三年时间才把它拍完。"),
    (GB18030, "他每天早上都会去河边散步，然后在一家小茶馆里坐下来看当天的报纸。"),
    (BIG5, "這部電影講述了一位年輕的京劇演員和他的朋友們在動盪年代裡的故事，導演花了三年時間才把它拍完。"),
    (SHIFT_JIS, "この映画は、若い俳優とその友人たちが激しい時代を生きていく物語であり、監督は三年をかけて完成させた。"),
    (EUC_JP, "毎朝かれは川のそばを散歩して、それから小さな喫茶店でその日の新聞を読むことにしている。"),
    (ISO_2022_JP, "毎朝かれは川のそばを散歩して、それから小さな喫茶店で新聞を読む。"),
    (EUC_KR, "이 영화는 젊은 배우와 그의 친구들이 힘든 시대를 살아가는 이야기이며 감독은 삼 년에 걸쳐 완성했다."),
    (WINDOWS_1251, "Каждое утро он гулял вдоль реки, а потом сидел в маленьком кафе и читал свежие газеты."),
    (
        WINDOWS_1252,
        "Chaque matin, il se promenait près de la rivière, puis s’asseyait dans un café où l’été était déjà là.",
    ),
    (
        ISO_8859_2,
        "Każdego ranka chodził na spacer wzdłuż rzeki, a później siadał w małej kawiarni i czytał świeże gazety.",
    ),
    (
        ISO_8859_7,
        "Κάθε πρωί περπατούσε δίπλα στο ποτάμι και μετά καθόταν σε ένα μικρό καφενείο και διάβαζε την εφημερίδα.",
    ),
];

fn decode_at<'a>(address: &str, header: Option<&str>, body: &'a [u8]) -> Cow<'a, str> {
    super::decode(header, &Url::parse(address).unwrap(), body)
}

fn decode<'a>(header: Option<&str>, body: &'a [u8]) -> Cow<'a, str> {
    decode_at("http://site.example/", header, body)
}

fn encoded(encoding: &'static Encoding, text: &str) -> Vec<u8> {
    let (bytes, _, lossy) = encoding.encode(text);
    assert!(!lossy, "{} has no way to say it", encoding.name());
    bytes.into_owned()
}

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
    assert_eq!(decode(Some("text/html; x=y; Charset = 'iso-8859-1'"), page), "<meta charset=utf-8>é");
    for useless in ["no-such", "hz-gb-2312", ""] {
        let header = format!("text/html; charset={useless}");
        assert_eq!(decode(Some(&header), b"<meta charset=latin1>\xe9"), "<meta charset=latin1>é", "{useless}");
    }
}

#[test]
fn the_page_says_it_in_each_of_its_ways() {
    for tag in [
        "<meta charset=gbk>",
        "<META CHARSET='GBK'/>",
        "<meta charset=gbk/>",
        "<meta name=x content=y><meta charset = \"gb2312\" >",
        "<meta http-equiv=\"Content-Type\" content=\"text/html; charset=gbk\">",
        "<meta content='text/html;charset=gbk' http-equiv=content-type>",
        "<meta name=note content='> charset=koi8-r'><meta charset=gbk>",
        "<meta name=keywords content='charset=koi8-r' data-charset=koi8-r><meta charset=gbk>",
        "<!-- <meta charset=koi8-r> --><meta charset=gbk>",
        "<metal charset=koi8-r><meta/charset=gbk>",
        "<?xml version='1.0' encoding='gbk'?><meta charset=koi8-r>",
    ] {
        let page = [tag.as_bytes(), b"\xb0\xd4\xcd\xf5"].concat();
        assert_eq!(decode(HTML, &page), format!("{tag}霸王"), "{tag}");
    }
}

#[test]
fn a_page_in_any_encoding_comes_out_right_if_it_says_so_and_if_it_does_not() {
    for (encoding, text) in TEXTS {
        let body = encoded(encoding, text);
        let header = format!("text/html; charset={}", encoding.name());
        assert_eq!(decode(Some(&header), &body), text, "{} by its header", encoding.name());
        let tag = format!("<meta charset={}>", encoding.name());
        assert_eq!(decode(HTML, &[tag.as_bytes(), &body].concat()), tag + text, "{} by its tag", encoding.name());
        let page = |text: &[u8]| [b"<html><title>x</title><p class=story>".as_slice(), text, b"</p></html>"].concat();
        let right = String::from_utf8(page(text.as_bytes())).unwrap();
        assert_eq!(decode(HTML, &page(&body)), right, "{} by a guess", encoding.name());
    }
}

#[test]
fn few_words_are_told_by_the_country_in_the_address() {
    for (address, encoding, text) in [
        ("http://shop.example.ru/", WINDOWS_1251, "Цена"),
        ("http://shop.example.gr/", ISO_8859_7, "Τιμή"),
        ("http://shop.example.jp./", SHIFT_JIS, "価格"),
        ("http://shop.example.kr/", EUC_KR, "가격"),
        ("http://shop.example.tw/", BIG5, "價格"),
        ("http://shop.example.cn/", GBK, "价格"),
    ] {
        assert_eq!(decode_at(address, HTML, &encoded(encoding, text)), text, "{address}");
    }
}

#[test]
fn a_header_that_says_utf_8_and_lies_is_not_believed() {
    let header = Some("text/html; charset=utf-8");
    let (encoding, text) = TEXTS[0];
    assert_eq!(decode(header, &encoded(encoding, text)), text);
    let page = [b"<meta charset=koi8-r>".as_slice(), b"\xf7\xcf\xc4\xc1"].concat();
    assert_eq!(decode(header, &page), "<meta charset=koi8-r>Вода");
    let lies_too = [b"<meta charset=utf-8>".as_slice(), &encoded(encoding, text)].concat();
    assert_eq!(decode(header, &lies_too), format!("<meta charset=utf-8>{text}"));
}

#[test]
fn damaged_utf_8_keeps_its_text_and_has_marks_where_it_is_damaged() {
    for header in [None, Some("text/html; charset=utf-8")] {
        assert_eq!(decode(header, b"caf\xc3\xa9, th\xc3\xa9, \xff, cr\xc3"), "café, thé, \u{fffd}, cr\u{fffd}");
    }
}

#[test]
fn a_tag_in_the_text_of_json_says_nothing() {
    let body = "{\"html\": \"<meta charset=gbk>é\"}";
    assert_eq!(decode(HTML, body.as_bytes()), body);
    let body = "\"<meta charset=gbk>é\"";
    assert_eq!(decode(Some("application/problem+JSON; x=y"), body.as_bytes()), body);
}

#[test]
fn what_is_said_too_late_or_means_nothing_is_not_heard() {
    let late = [&[b' '; 1024][..], b"<meta charset=gbk>\xc3\xa9"].concat();
    assert!(decode(HTML, &late).ends_with("é"));
    assert_eq!(decode(HTML, b"<meta charset=utf-16le>\xc3\xa9"), "<meta charset=utf-16le>é");
    assert_eq!(decode(HTML, b"<meta charset=>caf\xe9"), "<meta charset=>café");
    assert_eq!(decode(HTML, b"\x1b[1mbold"), "\u{1b}[1mbold");
}

proptest! {
    #[test]
    fn any_bytes_are_some_text(
        header in proptest::option::of(".*"), start in "(<meta|<[?]xml|<!--|charset|content|http-equiv|=|\"|'|>| |/|utf-16|\x1b){0,12}",
        body: Vec<u8>
    ) {
        let _ = decode(header.as_deref(), &[start.as_bytes(), &body].concat());
    }

    #[test]
    fn a_text_in_a_declared_encoding_comes_out_as_it_went_in(text in "[а-яА-Я <]{0,40}", quote in "[\"']?") {
        let body = encoded(WINDOWS_1251, &text);
        let tag = format!("<meta charset={quote}windows-1251{quote}>");
        let page = [tag.as_bytes(), &body].concat();
        prop_assert_eq!(decode(HTML, &page), tag + &text);
    }
}
