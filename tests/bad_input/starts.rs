//! Mistakes in where a crawl starts.

use insta::assert_snapshot;

use super::{Mistake, PROXIES, STAGE};

/// A config with these start URLs, one a line from line 3 on.
fn starts(urls: &[&str]) -> Mistake {
    let lines: String = urls.iter().map(|url| format!("  {url:?},\n")).collect();
    Mistake::config(&format!("[crawl]\nstart = [\n{lines}]\n{STAGE}{PROXIES}"))
}

fn start_file(name: &str) -> Mistake {
    Mistake::config(&format!("[crawl]\nstart_file = {name:?}\n{STAGE}{PROXIES}"))
}

#[test]
fn no_start_url() {
    assert_snapshot!(Mistake::config(&format!("{STAGE}{PROXIES}")).said(), @r#"
    exit 2
    error: crawl.toml: there is no start URL
    help: add start = ["https://…"], or start_file = "starts.txt" with a URL a line
    "#);
    assert_snapshot!(starts(&[]).said(), @r#"
    exit 2
    error: crawl.toml:1: there is no start URL
    help: add start = ["https://…"], or start_file = "starts.txt" with a URL a line
    "#);
}

#[test]
fn ranges_that_are_empty_reversed_or_no_ranges() {
    let urls = [
        "https://a.example/{5..1}",
        "https://a.example/{1..}",
        "https://a.example/{}",
        "https://a.example/{a..c}",
        "https://a.example/{1..5",
    ];
    assert_snapshot!(starts(&urls).said(), @r#"
    exit 2
    error: crawl.toml:3: "crawl.start.0" is not a template: the range {5..1} is reversed
    help: ranges are {1..5} or {001..100}, alternatives {a,b}; a literal brace is {{ or }}
    error: crawl.toml:4: "crawl.start.1" is not a template: the range {1..} is empty
    help: ranges are {1..5} or {001..100}, alternatives {a,b}; a literal brace is {{ or }}
    error: crawl.toml:5: "crawl.start.2" is not a template: the range {} is empty
    help: ranges are {1..5} or {001..100}, alternatives {a,b}; a literal brace is {{ or }}
    error: crawl.toml:6: "crawl.start.3" is not a template: the ends of {a..c} are not two numbers below 2^64
    help: ranges are {1..5} or {001..100}, alternatives {a,b}; a literal brace is {{ or }}
    error: crawl.toml:7: "crawl.start.4" is not a template: a brace is opened and not closed
    help: ranges are {1..5} or {001..100}, alternatives {a,b}; a literal brace is {{ or }}
    "#);
}

#[test]
fn other_schemes_and_no_addresses() {
    let urls = ["ftp://shop.example/", "shop.example/page", "https://", "file:///etc/passwd"];
    assert_snapshot!(starts(&urls).said(), @r#"
    exit 2
    error: crawl.toml:3: "ftp://shop.example/" is neither an http nor an https address
    help: write http:// or https:// and a host
    error: crawl.toml:4: "shop.example/page" is no address: relative URL without a base
    help: write http:// or https:// and a host
    error: crawl.toml:5: "https://" is no address: empty host
    help: write http:// or https:// and a host
    error: crawl.toml:6: "file:///etc/passwd" is neither an http nor an https address
    help: write http:// or https:// and a host
    "#);
}

#[test]
fn private_addresses_without_permission() {
    let urls = ["http://127.0.0.1:8000/", "http://localhost/", "https://me:secret@10.0.0.1/", "http://[::1]/"];
    assert_snapshot!(starts(&urls).said(), @r#"
    exit 2
    error: crawl.toml:3: "http://127.0.0.1:8000/" is a private address
    help: set fetch.allow_private = true if you mean it
    error: crawl.toml:4: "http://localhost/" is a private address
    help: set fetch.allow_private = true if you mean it
    error: crawl.toml:5: "https://***@10.0.0.1/" is a private address
    help: set fetch.allow_private = true if you mean it
    error: crawl.toml:6: "http://[::1]/" is a private address
    help: set fetch.allow_private = true if you mean it
    "#);
}

#[test]
fn a_start_file_that_is_not_there_or_has_no_address() {
    assert_snapshot!(start_file("starts.txt").said(), @r#"
    exit 2
    error: crawl.toml:2: cannot read crawl.start_file starts.txt: No such file or directory (os error 2)
    help: it has a URL a line
    "#);
    assert_snapshot!(start_file("starts.txt").file("starts.txt", "\n# none yet\n").said(), @r#"
    exit 2
    error: crawl.toml:2: there is no start URL in starts.txt
    help: it has a URL a line
    "#);
    assert_snapshot!(start_file("starts.xlsx").file("starts.xlsx", "x").said(), @r#"
    exit 2
    error: crawl.toml:2: crawl.start_file starts.xlsx: its name ends in neither .txt, .csv nor .jsonl
    help: the ending says how it is read; .txt has a URL a line
    "#);
}

#[test]
fn bad_lines_of_a_start_file_the_first_ten_of_them() {
    let lines = format!("https://a.example/\nftp://a.example/\n{}", "nonsense\n".repeat(12));
    assert_snapshot!(start_file("starts.txt").file("starts.txt", &lines).said(), @r#"
    exit 2
    error: starts.txt:2: "ftp://a.example/" is neither an http nor an https address
    help: write http:// or https:// and a host
    error: starts.txt:3: "nonsense" is no address: relative URL without a base
    help: write http:// or https:// and a host
    error: starts.txt:4: "nonsense" is no address: relative URL without a base
    help: write http:// or https:// and a host
    error: starts.txt:5: "nonsense" is no address: relative URL without a base
    help: write http:// or https:// and a host
    error: starts.txt:6: "nonsense" is no address: relative URL without a base
    help: write http:// or https:// and a host
    error: starts.txt:7: "nonsense" is no address: relative URL without a base
    help: write http:// or https:// and a host
    error: starts.txt:8: "nonsense" is no address: relative URL without a base
    help: write http:// or https:// and a host
    error: starts.txt:9: "nonsense" is no address: relative URL without a base
    help: write http:// or https:// and a host
    error: starts.txt:10: "nonsense" is no address: relative URL without a base
    help: write http:// or https:// and a host
    error: starts.txt:11: "nonsense" is no address: relative URL without a base
    help: write http:// or https:// and a host
    error: starts.txt: 3 more lines that cannot be used
    "#);
}
