//! Mistakes in the proxies. Whatever stands on a line, no password is shown.

use insta::assert_snapshot;

use super::{Mistake, STAGE, START};

/// A config with this below `[proxies]`, from line 6 on.
fn proxies(text: &str) -> Mistake {
    Mistake::config(&format!("{START}{STAGE}[proxies]\n{text}\n"))
}

#[test]
fn no_proxies_at_all() {
    assert_snapshot!(proxies("").said(), @r#"
    exit 2
    error: crawl.toml:5: cannot read proxies.file proxies.txt: No such file or directory (os error 2)
    help: it has a proxy a line, for example http://user:password@proxy.example:8080; or set proxies.list, or proxies.direct = true
    "#);
    assert_snapshot!(proxies("list = []").said(), @r#"
    exit 2
    error: crawl.toml:5: cannot read proxies.file proxies.txt: No such file or directory (os error 2)
    help: it has a proxy a line, for example http://user:password@proxy.example:8080; or set proxies.list, or proxies.direct = true
    "#);
}

#[test]
fn a_proxies_file_that_is_missing() {
    assert_snapshot!(proxies("file = \"proxies.txt\"").said(), @r#"
    exit 2
    error: crawl.toml:6: cannot read proxies.file proxies.txt: No such file or directory (os error 2)
    help: it has a proxy a line, for example http://user:password@proxy.example:8080
    "#);
}

#[test]
fn a_proxies_file_without_a_proxy() {
    assert_snapshot!(proxies("file = \"lists/proxies.txt\"").file("lists/proxies.txt", "\u{feff}# soon\r\n\r\n").said(), @r#"
    exit 2
    error: crawl.toml:6: there is no proxy in proxies.file lists/proxies.txt
    help: it has a proxy a line, for example http://user:password@proxy.example:8080
    "#);
}

#[test]
fn bad_lines_of_a_proxies_file_by_their_numbers_and_never_a_password() {
    let lines = "a.example:8080\n\
                 me:hunter2@a.example\n\
                 sock5://me:hunter2@a.example:1\n\
                 me:hunter2@a.example:port\n\
                 http://me:hunter2@a.example:8080/path\n\
                 http://:hunter2@a.example:8080\n\
                 hunter2\n\
                 http://me:hunter2@[::1:8080\n\
                 me:hunter2:a.example:8080\n\
                 http://me:%ff@a.example:8080\n";
    let said = proxies("file = \"proxies.txt\"").file("proxies.txt", lines).said();
    assert!(!said.contains("hunter2"), "{said}");
    assert_snapshot!(said, @r#"
    exit 2
    error: proxies.txt:2: the port is missing or not a number from 1 to 65535
    help: write host:port, http://user:password@host:port or host:port:user:password
    error: proxies.txt:3: unknown scheme "sock5"
    help: use http, https, socks5 or socks5h
    error: proxies.txt:4: the port is missing or not a number from 1 to 65535
    help: write host:port, http://user:password@host:port or host:port:user:password
    error: proxies.txt:5: something follows the port
    help: end the line behind the port; comments stand on lines of their own
    error: proxies.txt:6: the user is empty
    help: write user:password@host:port, or leave both out
    error: proxies.txt:7: the port is missing or not a number from 1 to 65535
    help: write host:port, http://user:password@host:port or host:port:user:password
    error: proxies.txt:8: the host is neither a name nor an address
    help: an IPv6 address stands in brackets: [2001:db8::1]:8080
    error: proxies.txt:9: not a proxy in any known form
    help: write host:port, http://user:password@host:port or host:port:user:password
    error: proxies.txt:10: user or password is not UTF-8 once percent-decoded
    help: percent-encode a literal % as %25
    "#);
}

#[test]
fn many_bad_lines() {
    let said = proxies("file = \"proxies.txt\"").file("proxies.txt", &"nonsense\n".repeat(1000)).said();
    assert_eq!(said.matches("error: ").count(), 11);
    assert_snapshot!(said.lines().last().unwrap(), @r#"error: proxies.txt: 990 more lines that are no proxies"#);
}

#[test]
fn bad_entries_of_the_list() {
    let list = "list = [\n  \"a.example:1\",\n  \"me:hunter2@a.example\",\n  \"me-{9..1}:hunter2@a.example:1\",\n  \"${GATEWAY}:1\",\n]";
    let said = proxies(list).said();
    assert!(!said.contains("hunter2"), "{said}");
    assert_snapshot!(said, @r#"
    exit 2
    error: crawl.toml:8: "proxies.list": the port is missing or not a number from 1 to 65535
    help: write host:port, http://user:password@host:port or host:port:user:password
    error: crawl.toml:9: "proxies.list.2" is not a template: a range is reversed
    help: ranges are {1..5} or {001..100}, alternatives {a,b}; a literal brace is {{ or }}
    error: crawl.toml:10: "proxies.list.3" needs the environment variable GATEWAY, which is not set
    help: set it; a literal ${ is written $${
    "#);
}

#[test]
fn direct_together_with_proxies() {
    let both = proxies("file = \"proxies.txt\"\ndirect = true").file("proxies.txt", "a.example:8080\n");
    assert_snapshot!(both.said(), @r#"
    exit 2
    error: crawl.toml:7: proxies.direct = true together with proxies
    help: leave out proxies.direct, or proxies.file and proxies.list
    "#);
    assert_snapshot!(proxies("list = [\"a.example:8080\"]").set("proxies.direct=true").said(), @r#"
    exit 2
    error: --set: proxies.direct = true together with proxies
    help: leave out proxies.direct, or proxies.file and proxies.list
    "#);
}
