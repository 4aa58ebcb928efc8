//! The pages of the practice site: N lists that each link to M details, made from a seed.
//!
//! Pure: the same seed and number always give the same page. Text is partly not ASCII and partly needs escaping, some
//! details name no director.

use std::fmt::Write as _;

const NAMES: [&str; 12] = [
    "Aïcha Benali",
    "Bjørn Ødegård",
    "Czesława Żak",
    "Đorđe Ilić",
    "O'Hara Quinn",
    "山田 花子",
    "王小明",
    "Ελένη Παππά",
    "Zoë Smit",
    "Ígor Peña",
    "Müller & Söhne",
    "Åsa Lindström",
];
const NOUNS: [&str; 12] = [
    "thistle",
    "lighthouse",
    "café",
    "ledger",
    "meadow",
    "Straße",
    "comet",
    "ferry",
    "<footnote>",
    "plum & pear",
    "winter",
    "ángel",
];
/// Details without any director: one in so many.
const EMPTY_ONE_IN: u32 = 12;
/// The least length of a detail page in bytes.
const DETAIL_BYTES: usize = 3 * 1024;

/// What a detail page says.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Detail {
    pub(super) title: String,
    pub(super) directors: Vec<String>,
}

/// All pages.
#[derive(Clone, Copy, Debug)]
pub(super) struct Pages {
    pub(super) lists: u32,
    pub(super) per_list: u32,
    pub(super) seed: u64,
}

/// A page, by its path.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Page {
    List(u32),
    Detail(u32),
}

impl Pages {
    /// The page at a path; its query does not matter.
    pub(super) fn at(&self, path: &str) -> Option<Page> {
        let path = path.split(['?', '#']).next().unwrap_or_default();
        let number = |prefix| path.strip_prefix(prefix).and_then(|rest: &str| rest.parse::<u32>().ok());
        if let Some(n) = number("/page/").filter(|n| (1..=self.lists).contains(n)) {
            return Some(Page::List(n));
        }
        number("/detail/").filter(|id| (1..=self.lists * self.per_list).contains(id)).map(Page::Detail)
    }

    /// The details that a list links to.
    pub(super) const fn details_of(&self, list: u32) -> std::ops::RangeInclusive<u32> {
        (list - 1) * self.per_list + 1..=list * self.per_list
    }

    /// What detail `id` says.
    pub(super) fn detail(&self, id: u32) -> Detail {
        let mut rng = self.rng(id);
        let title = format!("{} {} {id}", capital(pick(&mut rng, &NOUNS)), pick(&mut rng, &NOUNS));
        let count = if rng.u32(0..EMPTY_ONE_IN) == 0 { 0 } else { rng.usize(1..=3) };
        Detail { title, directors: (0..count).map(|_| pick(&mut rng, &NAMES).to_owned()).collect() }
    }

    /// The HTML of a page.
    pub(super) fn html(&self, page: Page) -> String {
        match page {
            Page::List(n) => frame(&format!("List {n}"), &self.list_body(n)),
            Page::Detail(id) => frame(&format!("Detail {id}"), &self.detail_body(id)),
        }
    }

    fn list_body(&self, n: u32) -> String {
        let mut body = String::new();
        for id in self.details_of(n) {
            let title = escaped(&self.detail(id).title);
            let _ = writeln!(
                body,
                "<div class=\"card\"><a class=\"cover\" href=\"/detail/{id}\"><img src=\"/cover/{id}.jpg\" alt=\"\"></a>\
                 <a class=\"name\" href=\"/detail/{id}\"><h2>{title}</h2></a></div>"
            );
        }
        body
    }

    fn detail_body(&self, id: u32) -> String {
        let Detail { title, directors } = self.detail(id);
        let mut body = format!("<h2>{}</h2>\n<div class=\"directors el-row\"><h3>Directors</h3>\n", escaped(&title));
        for name in &directors {
            // Space round and inside the name, as templates leave it: a reader has to fold it.
            let _ = writeln!(body, "<p class=\"name\">\n    {}\n</p>", escaped(name).replace(' ', "\n    "));
        }
        body.push_str("</div>\n<div class=\"story\">\n");
        let mut rng = self.rng(!id);
        while body.len() < DETAIL_BYTES {
            let _ = writeln!(body, "<p>{} and {}</p>", pick(&mut rng, &NAMES), escaped(pick(&mut rng, &NOUNS)));
        }
        body.push_str("</div>");
        body
    }

    fn rng(&self, number: u32) -> fastrand::Rng {
        fastrand::Rng::with_seed(self.seed.wrapping_mul(0x9E37_79B9_7F4A_7C15) ^ u64::from(number))
    }
}

/// A page of the usual form with this between header and footer.
pub(super) fn frame(title: &str, body: &str) -> String {
    format!(
        "<!DOCTYPE html>\n<html lang=\"en\"><head><meta charset=\"utf-8\"><title>{title}</title></head>\n<body>\
         <header><a href=\"/\">Practice site</a></header>\n<main>\n{body}\n</main>\n<footer>made up</footer></body></html>\n"
    )
}

fn pick<'a>(rng: &mut fastrand::Rng, words: &[&'a str]) -> &'a str {
    words[rng.usize(..words.len())]
}

fn capital(word: &str) -> String {
    let mut letters = word.chars();
    letters.next().map_or_else(String::new, |first| first.to_uppercase().chain(letters).collect())
}

fn escaped(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;")
}

#[cfg(test)]
mod tests {
    use scraper::{Html, Selector};

    use super::*;

    fn texts(html: &str, select: &str) -> Vec<String> {
        let page = Html::parse_document(html);
        let selector = Selector::parse(select).unwrap();
        let folded = |text: String| text.split_whitespace().collect::<Vec<_>>().join(" ");
        page.select(&selector).map(|node| folded(node.text().collect())).collect()
    }

    #[test]
    fn a_page_says_what_the_truth_says_it_does() {
        let pages = Pages { lists: 20, per_list: 10, seed: 7 };
        let mut empty = 0;
        for id in 1..=200 {
            let html = pages.html(Page::Detail(id));
            let detail = pages.detail(id);
            assert_eq!(texts(&html, "h2"), [detail.title]);
            assert_eq!(texts(&html, "div.directors.el-row p"), detail.directors);
            empty += usize::from(detail.directors.is_empty());
        }
        assert!((5..40).contains(&empty), "{empty} of 200 without a director");
    }

    #[test]
    fn a_list_links_to_its_own_details_once_each() {
        let pages = Pages { lists: 3, per_list: 4, seed: 1 };
        let page = Html::parse_document(&pages.html(Page::List(2)));
        let links: Vec<_> = page.select(&Selector::parse("a.name").unwrap()).filter_map(|a| a.attr("href")).collect();
        assert_eq!(links, ["/detail/5", "/detail/6", "/detail/7", "/detail/8"]);
    }

    #[test]
    fn there_is_nothing_outside_the_lists_and_their_details() {
        let pages = Pages { lists: 2, per_list: 3, seed: 1 };
        assert_eq!(pages.at("/page/2?x=1"), Some(Page::List(2)));
        assert_eq!(pages.at("/detail/6"), Some(Page::Detail(6)));
        for path in ["/page/0", "/page/3", "/detail/7", "/detail/", "/", "/page/2/3"] {
            assert_eq!(pages.at(path), None, "{path}");
        }
    }
}
