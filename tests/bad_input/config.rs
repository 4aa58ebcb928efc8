//! Mistakes in a config as a text, in its keys and its values, and in what is set over it.

use insta::assert_snapshot;

use super::Mistake;

#[test]
fn no_config() {
    assert_snapshot!(Mistake::nothing().said(), @r#"
    exit 2
    error: burdock.toml: cannot read the config: No such file or directory (os error 2)
    help: name a config: burdock run CONFIG; `burdock demo` shows a whole crawl without one
    "#);
    assert_snapshot!(Mistake::nothing().arg("shop.toml").said(), @r#"
    exit 2
    error: shop.toml: cannot read the config: No such file or directory (os error 2)
    help: name a config: burdock run CONFIG; `burdock demo` shows a whole crawl without one
    "#);
}

#[test]
fn a_folder_as_config() {
    assert_snapshot!(Mistake::nothing().arg(".").said(), @r#"
    exit 2
    error: .: cannot read the config: Is a directory (os error 21)
    help: name the config in it
    "#);
}

#[test]
fn a_config_that_is_not_text() {
    let mistake = Mistake::config("");
    std::fs::write(mistake.path("crawl.toml"), b"[crawl]\nname = \"\xff\"\n").unwrap();
    assert_snapshot!(mistake.said(), @r#"
    exit 2
    error: crawl.toml: cannot read the config: stream did not contain valid UTF-8
    help: a config is text in UTF-8
    "#);
}

#[test]
fn an_empty_config() {
    assert_snapshot!(Mistake::config("").said(), @r#"
    exit 2
    error: crawl.toml: there is no stage: nothing says what to take from a page
    help: add one: [stage.page.fields] and below it title = "h1"
    error: crawl.toml: there is no start URL
    help: add start = ["https://…"], or start_file = "starts.txt" with a URL a line
    error: crawl.toml: cannot read proxies.file proxies.txt: No such file or directory (os error 2)
    help: it has a proxy a line, for example http://user:password@proxy.example:8080; or set proxies.list, or proxies.direct = true
    "#);
}

#[test]
fn toml_syntax() {
    let mistake =
        Mistake::config("[crawl]\nname = shop\nstart = [\"https://a.example\"\n\n[proxies\nfile = \"p.txt\"\n");
    assert_snapshot!(mistake.said(), @r#"
    exit 2
    error: crawl.toml:2: not TOML: string values must be quoted
    help: texts stand in quotes, lists in [ ], a table on one line in { }
    error: crawl.toml:5: not TOML: missing comma between array elements
    help: texts stand in quotes, lists in [ ], a table on one line in { }
    error: crawl.toml:6: not TOML: missing comma between array elements
    help: texts stand in quotes, lists in [ ], a table on one line in { }
    "#);
}

#[test]
fn one_key_twice() {
    assert_snapshot!(Mistake::after("[pace]\ndelay = \"1s\"\ndelay = \"2s\"\n").said(), @r#"
    exit 2
    error: crawl.toml:9: not TOML: duplicate key "delay"
    help: keep one of the two
    "#);
}

#[test]
fn unknown_keys() {
    assert_snapshot!(Mistake::after("[pace]\ndellay = \"1s\"\nspeed = 3\n[pase]\ndelay = \"1s\"\n").said(), @r#"
    exit 2
    error: crawl.toml:8: unknown key "pace.dellay"
    help: did you mean "delay"?
    error: crawl.toml:9: unknown key "pace.speed"
    help: here may stand delay, jitter, host_rate, host_in_flight, adaptive, retry_after_max
    error: crawl.toml:10: unknown key "pase"
    help: did you mean "pace"?
    "#);
}

#[test]
fn a_key_that_is_not_built_yet() {
    assert_snapshot!(Mistake::after("[web]\nlisten = \"127.0.0.1:9090\"\n").said(), @r#"
    exit 2
    error: crawl.toml:8: "web.listen" is not built yet
    help: leave it out: this version does without
    "#);
}

#[test]
fn unknown_units() {
    assert_snapshot!(Mistake::after("[pace]\ndelay = \"3 moons\"\n[fetch]\nmax_body = \"10 parsecs\"\n").said(), @r#"
    exit 2
    error: crawl.toml:8: "pace.delay" is not a duration: "3 moons"
    help: write it in quotes with a unit of ms, s, m or h: "1.5s", "250ms", "5m", "2h"
    error: crawl.toml:10: "fetch.max_body" is not a size: "10 parsecs"
    help: write it in quotes with a unit: "500kB", "10MiB"
    "#);
}

#[test]
fn numbers_without_a_unit() {
    assert_snapshot!(Mistake::after("[pace]\ndelay = 1.5\n[fetch]\ntimeout = \"30\"\nmax_body = 1000000\n").said(), @r#"
    exit 2
    error: crawl.toml:8: "pace.delay" is a bare number, not a duration
    help: write it in quotes with a unit of ms, s, m or h: "1.5s", "250ms", "5m", "2h"
    error: crawl.toml:10: "fetch.timeout" is not a duration: "30"
    help: write it in quotes with a unit of ms, s, m or h: "1.5s", "250ms", "5m", "2h"
    error: crawl.toml:11: "fetch.max_body" is a bare number, not a size
    help: write it in quotes with a unit: "500kB", "10MiB"
    "#);
}

#[test]
fn values_of_the_wrong_kind_and_out_of_bounds() {
    let more = "[retry]\nattempts = \"3\"\nwitnesses = 0\nstatus = 500\n[health]\ndecay = 1.5\n[fetch]\nallow_private = \"yes\"\n";
    assert_snapshot!(Mistake::after(more).said(), @r#"
    exit 2
    error: crawl.toml:8: "retry.attempts" is text, not a whole number from 1
    help: write a whole number, without quotes
    error: crawl.toml:9: "retry.witnesses" is not a whole number from 1: 0
    error: crawl.toml:10: "retry.status" is a bare number, not a list
    help: put it in square brackets
    error: crawl.toml:12: "health.decay" is not a number from 0 to 1: 1.5
    error: crawl.toml:14: "fetch.allow_private" is text, not true or false
    help: write true or false, without quotes
    "#);
}

#[test]
fn a_word_that_is_none_of_those_that_may_stand_there() {
    assert_snapshot!(Mistake::after("[log]\nlevel = \"verbose\"\nformat = \"jsn\"\n").said(), @r#"
    exit 2
    error: crawl.toml:8: "log.level" is not one of error, warn, info, debug, trace: "verbose"
    help: write one of error, warn, info, debug, trace
    error: crawl.toml:9: "log.format" is not one of auto, text, json: "jsn"
    help: did you mean "json"?
    "#);
}

#[test]
fn variables_that_are_not_set() {
    let more = "[fetch]\nuser_agent = \"${SHOP_BOT}\"\n[log]\nfile = \"${\"\n";
    assert_snapshot!(Mistake::after(more).said(), @r#"
    exit 2
    error: crawl.toml:8: "fetch.user_agent" needs the environment variable SHOP_BOT, which is not set
    help: set it; a literal ${ is written $${
    error: crawl.toml:10: "log.file" has a ${ that begins no ${VARIABLE}
    help: a literal ${ is written $${
    "#);
}

#[test]
fn mistakes_in_what_is_set_over_the_config() {
    let mistake = Mistake::after("")
        .variable("BURDOCK__PACE__DELAY", "2")
        .variable("BURDOCK__PASE__DELAY", "2s")
        .set("pace.dellay=2s")
        .set("feed.0.path=a.jsonl")
        .set("crawl.workers");
    assert_snapshot!(mistake.said(), @r#"
    exit 2
    error: environment BURDOCK__PACE__DELAY: "pace.delay" is a bare number, not a duration
    help: write it in quotes with a unit of ms, s, m or h: "1.5s", "250ms", "5m", "2h"
    error: environment BURDOCK__PASE__DELAY: unknown key "pase"
    help: did you mean "pace"?
    error: --set: unknown key "pace.dellay"
    help: did you mean "delay"?
    error: --set: there is no item "0" in "feed": the config has none
    help: items are numbered from 0; add it to the config
    error: --set: there is no = in its value
    help: write --set section.key=value
    "#);
}

#[test]
fn everything_that_is_wrong_with_a_file_is_said_at_once_in_the_order_of_its_lines() {
    let config = "[crawl]\nstart = [\"ftp://shop.example/{5..1}\", \"ftp://shop.example/\"]\nworkers = 0\n\
                  [stage.page]\nexpect = \"div[\"\n[stage.page.fields]\nurl = \"a\"\n\
                  [proxies]\nfile = \"proxies.txt\"\ndirect = true\n[pace]\ndelay = 1\n[speed]\n";
    assert_snapshot!(Mistake::config(config).said(), @r#"
    exit 2
    error: crawl.toml:2: "crawl.start.0" is not a template: the range {5..1} is reversed
    help: ranges are {1..5} or {001..100}, alternatives {a,b}; a literal brace is {{ or }}
    error: crawl.toml:2: "ftp://shop.example/" is neither an http nor an https address
    help: write http:// or https:// and a host
    error: crawl.toml:3: "crawl.workers" is not "auto" or a whole number from 1 to 65535: 0
    error: crawl.toml:5: "stage.page.expect" is no selector that can be read, it ends too early: "div["
    help: try it in a browser's console: document.querySelectorAll(…)
    error: crawl.toml:7: the field "stage.page.fields.url" is named like a meta column
    help: give it another name: feeds have a column of this name that is about the page
    error: crawl.toml:10: proxies.direct = true together with proxies
    help: leave out proxies.direct, or proxies.file and proxies.list
    error: crawl.toml:12: "pace.delay" is a bare number, not a duration
    help: write it in quotes with a unit of ms, s, m or h: "1.5s", "250ms", "5m", "2h"
    error: crawl.toml:13: unknown key "speed"
    help: here may stand crawl, stage, proxies, session, pace, fetch, retry, ban, health, outage, robots, feed, frontier, log, web, limits, guard, supervisor
    "#);
}

#[test]
fn a_command_line_that_is_wrong() {
    assert_snapshot!(Mistake::nothing().arg("a.toml").arg("b.toml").said(), @r#"
    exit 2
    error: unexpected argument 'b.toml' found

    Usage: burdock run [OPTIONS] [CONFIG]

    For more information, try '--help'.
    "#);
    assert_snapshot!(Mistake::nothing().arg("--frehs").said(), @r#"
    exit 2
    error: unexpected argument '--frehs' found

      tip: a similar argument exists: '--fresh'

    Usage: burdock run --fresh [CONFIG]

    For more information, try '--help'.
    "#);
}
