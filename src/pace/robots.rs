//! What robots.txt says to us: which addresses it bars, and how far apart it wants our requests.
//!
//! Pure. In come the bytes of an answer and our name; out go [`Rules`], or that it is no robots.txt at all. When to fetch it, and
//! what follows where there is none, is the Desk's to say; what the file means is RFC 9309.

use std::fmt::Write as _;
use std::sync::Arc;
use std::time::Duration;

use robotxt::{BYTE_LIMIT, Robots};
use url::Url;

use crate::task::HostKey;

/// What a robots.txt says to us, of its first 500 KiB.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Rules {
    robots: Robots,
    /// As few lines as say the same.
    text: Arc<str>,
}

impl Rules {
    /// Nothing is barred: there is no robots.txt, or none that can be read.
    pub fn none() -> Self {
        Self { robots: Robots::allow_all(), text: "".into() }
    }

    /// What `text` says to who goes by `name`.
    pub fn parse(text: &[u8], name: &str) -> Self {
        let written = written(&Robots::parse(text, name));
        // From here on they are what is kept of them, so that they are the same after a restart.
        Self::recall(&written)
    }

    /// Rules from their [`Self::text`].
    pub fn recall(text: &str) -> Self {
        Self { robots: Robots::parse(text.as_bytes(), robotxt::ANY_AGENT), text: text.into() }
    }

    /// What is to be kept of them.
    pub const fn text(&self) -> &Arc<str> {
        &self.text
    }

    /// May this address, on the host of the rules, be asked for?
    pub fn admit(&self, url: &Url) -> bool {
        self.robots.is_url_allowed(url)
    }

    /// Is everything barred?
    pub fn bar_everything(&self) -> bool {
        self.robots.always() == Some(false)
    }

    /// How many there are.
    pub fn count(&self) -> usize {
        self.robots.rules().len()
    }

    /// `Crawl-delay`
    pub fn crawl_delay(&self) -> Option<Duration> {
        self.robots.crawl_delay().filter(|delay| !delay.is_zero())
    }
}

/// Rules for everybody that say what these say to us.
fn written(robots: &Robots) -> String {
    let mut text = String::new();
    // Writing to a text does not fail.
    if let Some(delay) = robots.crawl_delay() {
        let _ = writeln!(text, "crawl-delay: {}", delay.as_secs_f64());
    }
    for rule in robots.rules() {
        let word = if rule.is_allow() { "allow" } else { "disallow" };
        let _ = writeln!(text, "{word}: {}", rule.pattern());
    }
    if text.is_empty() {
        return text;
    }
    let mut text = format!("user-agent: *\n{text}");
    if text.len() > BYTE_LIMIT {
        // Escapes may have made it longer than what was read.
        let end = text.as_bytes()[..BYTE_LIMIT].iter().rposition(|byte| *byte == b'\n');
        text.truncate(end.map_or(0, |end| end + 1));
    }
    text
}

/// What lines of a robots.txt begin with.
const KEYS: [&str; 9] = [
    "user-agent",
    "allow",
    "disallow",
    "crawl-delay",
    "sitemap",
    "host",
    "request-rate",
    "clean-param",
    "content-signal",
];

/// Can this be a robots.txt, or is it a page that came instead (an error, a captcha, a login)? An empty one is one.
pub fn is_robots(body: &[u8]) -> bool {
    let body = body.get(..BYTE_LIMIT).unwrap_or(body);
    let text = String::from_utf8_lossy(body.strip_prefix(b"\xef\xbb\xbf").unwrap_or(body));
    let lines = || text.lines().map(str::trim).filter(|line| !line.is_empty() && !line.starts_with('#'));
    let key = |line: &str| line.split_once(':').map(|(key, _)| key.trim().to_ascii_lowercase());
    let mut keys = lines().filter_map(key);
    if text.trim_start().starts_with('<') {
        // Some begin with a comment of another language.
        return keys.any(|key| key == "user-agent");
    }
    lines().next().is_none() || keys.any(|key| KEYS.contains(&key.as_str()))
}

/// The name that a robots.txt calls us by: the product of `user_agent`, or of a browser's the one that it says it is compatible
/// with.
pub fn product(user_agent: &str) -> &str {
    let named = user_agent.strip_prefix("Mozilla/").and_then(|rest| rest.split_once("compatible;"));
    let text = named.map_or(user_agent, |(_, rest)| rest).trim_start();
    let end = text.find(|letter: char| !(letter.is_ascii_alphabetic() || matches!(letter, '-' | '_')));
    match &text[..end.unwrap_or(text.len())] {
        "" => robotxt::ANY_AGENT,
        name => name,
    }
}

/// Where one fetch may be led: the rules of all hosts that it may meet, as far as they are known.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum Clearance {
    /// Anywhere: robots.txt is not obeyed, or it is what is fetched.
    #[default]
    Anywhere,
    /// Where these let it.
    By(Arc<[(HostKey, Arc<Rules>)]>),
}

/// What a clearance says about an address.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Word {
    /// It may be asked for.
    Admitted,
    /// Its host's robots.txt bars it.
    Barred,
    /// Its host's robots.txt has to be read first.
    Unknown,
}

impl Clearance {
    /// May a fetch be led there?
    pub fn of(&self, url: &Url) -> Word {
        let Self::By(hosts) = self else { return Word::Admitted };
        let host = HostKey::of(url);
        match hosts.iter().find(|(known, _)| *known == host) {
            Some((_, rules)) if rules.admit(url) => Word::Admitted,
            Some(_) => Word::Barred,
            None => Word::Unknown,
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn rules(text: &str) -> Rules {
        Rules::parse(text.as_bytes(), "burdock")
    }

    fn admits(text: &str, path: &str) -> bool {
        rules(text).admit(&Url::parse("http://site.test").unwrap().join(path).unwrap())
    }

    #[test]
    fn our_own_group_counts_and_that_of_everybody_only_where_there_is_none() {
        let both = "User-agent: *\nDisallow: /\n\nUser-agent: BURDOCK\nDisallow: /a\n";
        assert!(admits(both, "/b") && !admits(both, "/a/1"));
        assert!(!admits("User-agent: other\nUser-agent: *\nDisallow: /a", "/a"));
        assert!(admits("User-agent: other\nDisallow: /", "/a"));
    }

    #[test]
    fn groups_of_one_name_are_one_group_wherever_they_stand() {
        let apart = "User-agent: burdock\nDisallow: /a\nUser-agent: x\nDisallow: /\nUser-agent: burdock\nDisallow: /b";
        assert!(!admits(apart, "/a") && !admits(apart, "/b") && admits(apart, "/c"));
    }

    #[test]
    fn the_longest_rule_counts_and_of_two_as_long_the_one_that_allows() {
        let rules = "User-agent: *\nDisallow: /a\nAllow: /a/b\nDisallow: /c\nAllow: /c";
        assert!(!admits(rules, "/a/c") && admits(rules, "/a/b/1") && admits(rules, "/c"));
    }

    #[test]
    fn stars_and_dollars_mean_what_the_standard_says() {
        let rules = "User-agent: *\nDisallow: /*.pdf$\nDisallow: /*?sid=\nDisallow: /shop/*/cart";
        assert!(!admits(rules, "/x/y.pdf") && admits(rules, "/x/y.pdf?v=1"));
        assert!(!admits(rules, "/list?sid=7") && admits(rules, "/list?page=7"));
        assert!(!admits(rules, "/shop/de/cart/1") && admits(rules, "/shop/cart"));
    }

    #[test]
    fn escapes_are_compared_by_what_they_stand_for() {
        let rules = "User-agent: *\nDisallow: /caf\u{e9}\nDisallow: /%7ejoe\nDisallow: /a%2Fb";
        assert!(
            !admits(rules, "/caf%c3%a9")
                && !admits(rules, "/~joe")
                && admits(rules, "/a/b")
                && !admits(rules, "/a%2fb")
        );
    }

    #[test]
    fn line_ends_marks_comments_and_odd_spellings_do_no_harm() {
        assert!(!admits("\u{feff}user-agent:*\r\ndisallow:/a # why\r", "/a"));
        assert!(!admits("User-agent: *\rDisallow: /a\rAllow: /b", "/a"));
        assert!(admits("User-agent: *\nDisallow:\nCrawl-delay: soon", "/a"));
        assert!(admits("Disallow: /", "/a"), "a rule without a group is nobody's");
    }

    #[test]
    fn its_own_address_is_never_barred() {
        assert!(admits("User-agent: *\nDisallow: /", "/robots.txt"));
        assert!(rules("User-agent: *\nDisallow: /").bar_everything());
        assert!(!rules("User-agent: *\nDisallow: /\nAllow: /a").bar_everything());
    }

    #[test]
    fn a_delay_may_have_a_fraction_and_none_is_no_delay() {
        assert_eq!(rules("User-agent: *\nCrawl-delay: 2.5").crawl_delay(), Some(Duration::from_millis(2_500)));
        assert_eq!(rules("User-agent: *\nCrawl-delay: 0").crawl_delay(), None);
        assert_eq!(rules("User-agent: *\nCrawl-delay: -1").crawl_delay(), None);
        assert_eq!(rules("User-agent: x\nCrawl-delay: 9").crawl_delay(), None);
    }

    #[test]
    fn what_is_beyond_the_limit_is_not_read_and_no_rule_is_cut_in_two() {
        let long = format!("User-agent: *\n{}Disallow: /secret\n", "Disallow: /abcdefgh\n".repeat(40_000));
        assert!(admits(&long, "/secret") && !admits(&long, "/abcdefghi"));
        assert!(rules(&long).text().len() <= BYTE_LIMIT, "and what is kept of it is bounded");
    }

    #[test]
    fn pages_that_come_instead_are_told_from_it() {
        for text in [
            "",
            "# nothing\n\n",
            "\u{feff}User-agent: *\n",
            "Sitemap: http://site.test/s.xml",
            "<!-- -->\nUser-agent: *",
        ] {
            assert!(is_robots(text.as_bytes()), "{text:?}");
        }
        for text in
            ["<!doctype html><p>User-agent: no", "\n <html><h1>Log in</h1>", "not found", "blocked: 1.2.3.4", "{}"]
        {
            assert!(!is_robots(text.as_bytes()), "{text:?}");
        }
    }

    #[test]
    fn a_robots_txt_calls_us_by_the_product_of_our_user_agent() {
        assert_eq!(product("burdock/0.1 (+https://example.org)"), "burdock");
        assert_eq!(product("My-Bot"), "My-Bot");
        assert_eq!(product("Mozilla/5.0 (compatible; ShopBot/2.1; +https://example.org)"), "ShopBot");
        assert_eq!(product("Mozilla/5.0 (X11; Linux x86_64) Gecko/20100101"), "Mozilla");
        assert_eq!(product("42"), "*");
    }

    #[test]
    fn a_fetch_is_led_where_the_rules_let_it_and_nowhere_else() {
        let url = |text: &str| Url::parse(text).unwrap();
        let here = (HostKey("site.test:80".into()), Arc::new(rules("User-agent: *\nDisallow: /a")));
        let clearance = Clearance::By([here].into());
        assert_eq!(clearance.of(&url("http://site.test/b")), Word::Admitted);
        assert_eq!(clearance.of(&url("http://site.test/a?b")), Word::Barred);
        assert_eq!(clearance.of(&url("https://site.test/b")), Word::Unknown);
        assert_eq!(Clearance::Anywhere.of(&url("https://site.test/a")), Word::Admitted);
    }

    proptest! {
        #[test]
        fn rules_are_the_same_after_they_were_kept(
            lines in proptest::collection::vec("(User-agent: (burdock|\\*|x)|Disallow: ?/?[a-c*$%é# ]{0,6}|Allow: /[a-c*$]{0,4}|Crawl-delay: [0-9.]{1,4}|[ -~]{0,9})", 0..20),
            path in "/[a-c$%é]{0,7}",
        ) {
            let rules = rules(&lines.join("\n"));
            let again = Rules::recall(rules.text());
            prop_assert_eq!(&again, &rules);
            let url = Url::parse("http://site.test").unwrap().join(&path).unwrap();
            let direct = Robots::parse(lines.join("\n").as_bytes(), "burdock");
            prop_assert_eq!(again.admit(&url), direct.is_url_allowed(&url));
            prop_assert_eq!(again.crawl_delay(), direct.crawl_delay().filter(|delay| !delay.is_zero()));
        }

        #[test]
        fn no_bytes_break_it(bytes in proptest::collection::vec(any::<u8>(), 0..400)) {
            let rules = Rules::parse(&bytes, "burdock");
            prop_assert_eq!(Rules::recall(rules.text()), rules);
            is_robots(&bytes);
        }
    }
}
