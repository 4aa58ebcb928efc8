//! What is said of a config that is wrong, word for word.
//!
//! Each test is a row of what may be bad in a config.

use proptest::prelude::*;

use super::super::*;
use super::{Folder, PROXIES, STAGE, START, fails, with};

/// A right config with `more` behind it (from line 7 on) fails with this alone.
#[track_caller]
fn more_fails(more: &str, message: &str) {
    assert_eq!(with(more).fails(), message);
}

#[test]
fn no_config() {
    assert_eq!(
        Folder::new("").load_named("none.toml").unwrap_err().to_string(),
        "error: none.toml: cannot read the config: No such file or directory (os error 2)\n\
         help: name a config: burdock run CONFIG; `burdock demo` shows a whole crawl without one"
    );
}

#[test]
fn an_empty_config_lacks_three_things() {
    fails(
        "",
        "error: crawl.toml: there is no stage: nothing says what to take from a page\n\
         help: add one: [stage.page.fields] and below it title = \"h1\"\n\
         error: crawl.toml: there is no start URL\n\
         help: add start = [\"https://…\"], or start_file = \"starts.txt\" with a URL a line\n\
         error: crawl.toml: cannot read proxies.file proxies.txt: No such file or directory (os error 2)\n\
         help: it has a proxy a line, for example http://user:password@proxy.example:8080; or set proxies.list, or proxies.direct = true",
    );
}

#[test]
fn toml_syntax() {
    let said = Folder::new("[crawl]\nname = x\nstart = [\n").fails();
    assert!(said.starts_with("error: crawl.toml:2: not TOML: "), "{said}");
    let said = Folder::new("[crawl]\nname = \"a\"\nname = \"b\"\n").fails();
    assert!(said.starts_with("error: crawl.toml:3: not TOML: duplicate key"), "{said}");
    more_fails(
        "[log]\nlevel = 2020-01-01\n",
        "error: crawl.toml:8: no setting is a date: 2020-01-01\nhelp: put it in quotes",
    );
}

#[test]
fn unknown_keys() {
    more_fails(
        "[pace]\ndellay = \"1s\"\nspeed = 1\n[pase]\nx = 1\n",
        "error: crawl.toml:8: unknown key \"pace.dellay\"\nhelp: did you mean \"delay\"?\n\
         error: crawl.toml:9: unknown key \"pace.speed\"\n\
         help: here may stand delay, jitter, host_rate, host_in_flight, adaptive, retry_after_max\n\
         error: crawl.toml:10: unknown key \"pase\"\nhelp: did you mean \"pace\"?",
    );
    more_fails(
        "Pace.delay = \"1s\"\n",
        "error: crawl.toml:7: unknown key \"proxies.Pace\"\n\
         help: here may stand file, list, scheme, direct, order, rotating, max_requests, max_bytes, max_age, wait",
    );
    more_fails(
        "[retry]\nAttempts = 3\n",
        "error: crawl.toml:8: unknown key \"retry.Attempts\"\nhelp: did you mean \"attempts\"?",
    );
}

#[test]
fn unknown_keys_of_the_other_layers() {
    assert_eq!(
        with("").set("pace.dellay=1s").set("nothing").set("=1").env("BURDOCK__LOGG__LEVEL", "info").fails(),
        "error: environment BURDOCK__LOGG__LEVEL: unknown key \"logg\"\nhelp: did you mean \"log\"?\n\
         error: --set: unknown key \"pace.dellay\"\nhelp: did you mean \"delay\"?\n\
         error: --set: there is no = in its value\nhelp: write --set section.key=value\n\
         error: --set: there is no key before its =\nhelp: write --set section.key=value"
    );
}

#[test]
fn an_index_past_the_end() {
    let feed = "[[feed]]\nkind = \"jsonl\"\npath = \"a.jsonl\"\n";
    assert_eq!(
        with(feed).set("feed.1.path=b.jsonl").set("feed.x.path=b.jsonl").fails(),
        "error: --set: there is no item \"1\" in \"feed\": it has 1\nhelp: items are numbered from 0\n\
         error: --set: there is no item \"x\" in \"feed\": it has 1\nhelp: items are numbered from 0"
    );
}

#[test]
fn what_is_not_built_yet_is_refused_by_name() {
    let help = "help: leave it out: this version does without";
    for (more, line, key) in [
        ("[stage.page]\neach = \".x\"\n", 8, "stage.page.each"),
        ("[web]\n", 7, "web"),
        ("[frontier]\nlease = \"60s\"\n", 8, "frontier.lease"),
        ("[log]\nkeep = 3\n", 8, "log.keep"),
    ] {
        more_fails(more, &format!("error: crawl.toml:{line}: \"{key}\" is not built yet\n{help}"));
    }
    for (set, what, instead) in [
        ("frontier.kind=redis", "\"frontier.kind\" = \"redis\"", "memory or sqlite"),
        (
            "stage.page.fields.t={ select = \"a\", type = \"number\" }",
            "\"stage.page.fields.t.type\" = \"number\"",
            "text",
        ),
        ("stage.page.fields.t=regex:a", "\"stage.page.fields.t\" = \"regex:a\"", "css:, json:, meta: or const:"),
        (
            "stage.page.expect='xpath://a[@x]'",
            "\"stage.page.expect\" = \"xpath://a[@x]\"",
            "a CSS selector or json:/pointer",
        ),
        (
            "stage.page.links=[{ select = \"json:/a\", to = \"page\" }]",
            "\"stage.page.links.0.select\" = \"json:/a\"",
            "a CSS selector",
        ),
    ] {
        assert_eq!(with("").set(set).fails(), format!("error: --set: {what} is not built yet\nhelp: use {instead}"));
    }
    more_fails(
        "[stage.page]\nlinks = [{ to = \"page\", url = \"https://a.example/\" }]\n[feed]\n",
        "error: crawl.toml:8: \"stage.page.links.0.url\" is not built yet\nhelp: leave it out: this version does without\n\
         error: crawl.toml:9: \"feed\" is a table, not a list\n\
         help: write its name in double brackets, or put [{ … }] behind it",
    );
    more_fails(
        "[robots]\nobay = true\n",
        "error: crawl.toml:8: unknown key \"robots.obay\"\nhelp: did you mean \"obey\"?",
    );
}

#[test]
fn types_are_strict() {
    let unit = "help: write it in quotes with a unit of ms, s, m or h: \"1.5s\", \"250ms\", \"5m\", \"2h\"";
    more_fails(
        "[pace]\ndelay = 5\njitter = \"0.5\"\n[fetch]\nmax_body = 1000\nallow_private = 1\nuser_agent = 1\n\
         max_redirects = 1.5\ntimeout = \"5\"\n[retry]\nattempts = \"5\"\nstatus = 500\n",
        &format!(
            "error: crawl.toml:8: \"pace.delay\" is a bare number, not a duration\n{unit}\n\
             error: crawl.toml:9: \"pace.jitter\" is text, not a number from 0 to 1\nhelp: write a number, without quotes\n\
             error: crawl.toml:11: \"fetch.max_body\" is a bare number, not a size\n\
             help: write it in quotes with a unit: \"500kB\", \"10MiB\"\n\
             error: crawl.toml:12: \"fetch.allow_private\" is a bare number, not true or false\nhelp: write true or false, without quotes\n\
             error: crawl.toml:13: \"fetch.user_agent\" is a bare number, not text\nhelp: write it in quotes\n\
             error: crawl.toml:14: \"fetch.max_redirects\" is a bare number, not a whole number from 0 to 100\n\
             help: write a whole number, without quotes\n\
             error: crawl.toml:15: \"fetch.timeout\" is not a duration: \"5\"\n{unit}\n\
             error: crawl.toml:17: \"retry.attempts\" is text, not a whole number from 1\n\
             help: write a whole number, without quotes\n\
             error: crawl.toml:18: \"retry.status\" is a bare number, not a list\nhelp: put it in square brackets"
        ),
    );
    let more = "[health]\ncooldown = \"-5s\"\ncooldown_max = \"3 moons\"\n[ban]\ncooldown = \"1mo\"\n[log]\nheartbeat = \"0s\"\n";
    more_fails(
        more,
        &format!(
            "error: crawl.toml:8: \"health.cooldown\" is not a duration: \"-5s\"\n{unit}\n\
             error: crawl.toml:9: \"health.cooldown_max\" is not a duration: \"3 moons\"\n{unit}\n\
             error: crawl.toml:11: \"ban.cooldown\" is not a duration: \"1mo\"\n{unit}\n\
             error: crawl.toml:13: \"log.heartbeat\" cannot be zero\n{unit}"
        ),
    );
}

#[test]
fn numbers_out_of_bounds() {
    more_fails(
        "[pace]\njitter = 1.5\n[health]\ndecay = -0.1\nmax_errors = 0\n[retry]\nattempts = 0\nwitnesses = 0\n\
         max_requests = 0\nstatus = [500, 99]\n[crawl.x]\n",
        "error: crawl.toml:8: \"pace.jitter\" is not a number from 0 to 1: 1.5\n\
         error: crawl.toml:10: \"health.decay\" is not a number from 0 to 1: -0.1\n\
         error: crawl.toml:11: \"health.max_errors\" is not a whole number from 1: 0\n\
         error: crawl.toml:13: \"retry.attempts\" is not a whole number from 1: 0\n\
         error: crawl.toml:14: \"retry.witnesses\" is not a whole number from 1: 0\n\
         error: crawl.toml:15: \"retry.max_requests\" is not a whole number from 1: 0\n\
         error: crawl.toml:16: \"retry.status.1\" is not a whole number from 100 to 599: 99\n\
         error: crawl.toml:17: unknown key \"crawl.x\"\n\
         help: here may stand name, start, start_file, start_stage, hosts, drop_params, workers, in_flight, threads, \
         data_dir, keep_pages",
    );
    assert_eq!(
        with("").set("crawl.workers=0").set("crawl.threads=\"many\"").set("pace.jitter=nan").fails(),
        "error: --set: \"crawl.workers\" is not \"auto\" or a whole number from 1 to 65535: 0\n\
         error: --set: \"crawl.threads\" is not \"auto\" or a whole number from 1 to 1024: \"many\"\n\
         help: for example \"auto\" in quotes, or 20 without\n\
         error: --set: \"pace.jitter\" is not a number from 0 to 1: NaN"
    );
}

#[test]
fn words() {
    more_fails(
        "[log]\nlevel = \"inf\"\nformat = \"xml\"\n[[feed]]\nkind = \"jsonl\"\npath = \"a\"\nmeta = [\"url\", \"urls\", \"url\"]\n",
        "error: crawl.toml:8: \"log.level\" is not one of error, warn, info, debug, trace: \"inf\"\nhelp: did you mean \"info\"?\n\
         error: crawl.toml:9: \"log.format\" is not one of auto, text, json: \"xml\"\nhelp: write one of auto, text, json\n\
         error: crawl.toml:13: \"feed.0.meta.1\" is not one of url, stage, fetched_at, proxy, status, attempts, referrer, \
         start_url: \"urls\"\nhelp: did you mean \"url\"?\n\
         error: crawl.toml:13: the meta column \"url\" twice\nhelp: name it once",
    );
}

#[test]
fn stages() {
    fails(
        &format!(
            "{START}{PROXIES}[stage.empty]\nexpect = \"h1\"\n[stage.page]\nlinks = [{{ select = \"a\", to = \"pge\" }}]\n"
        ),
        "error: crawl.toml:1: there are several stages, and crawl.start_stage does not say where to start\n\
         help: for example start_stage = \"empty\" in [crawl]\n\
         error: crawl.toml:5: the stage \"empty\" has neither fields nor links\n\
         help: give it links, or fields in [stage.empty.fields]\n\
         error: crawl.toml:8: unknown stage \"pge\"\nhelp: did you mean \"page\"?",
    );
    assert_eq!(
        with("").set("crawl.start_stage=detail").fails(),
        "error: --set: unknown stage \"detail\"\nhelp: the stages are page"
    );
    more_fails(
        "[stage.more]\nlinks = [{ select = \"a\" }, { too = \"page\", select = \"a\", to = \"page\" }]\n[crawl.hosts]\n",
        "error: crawl.toml:1: there are several stages, and crawl.start_stage does not say where to start\n\
         help: for example start_stage = \"page\" in [crawl]\n\
         error: crawl.toml:8: \"stage.more.links.0\" has no \"to\"\nhelp: add to = …\n\
         error: crawl.toml:8: unknown key \"stage.more.links.1.too\"\nhelp: did you mean \"to\"?\n\
         error: crawl.toml:9: \"crawl.hosts\" is a table, not \"start\", \"any\" or a list of host names\n\
         help: for example \"start\", or [\"shop.example\", \"*.shop.example\"]",
    );
}

#[test]
fn fields() {
    fails(
        &format!(
            "{START}{PROXIES}[stage.page.fields]\nlinks = [{{ select = \"a\", to = \"page\" }}]\nstatus = \"p\"\ntitle = 5\n"
        ),
        "error: crawl.toml:6: \"links\" below [stage.page.fields] is a key of the stage\n\
         help: move it above [stage.page.fields]; a field cannot be called expect, links, each, next, fields, request\n\
         error: crawl.toml:7: the field \"stage.page.fields.status\" is named like a meta column\n\
         help: give it another name: feeds have a column of this name that is about the page\n\
         error: crawl.toml:8: \"stage.page.fields.title\" is a bare number, not a selector or a table\n\
         help: for example \"h2\", or { select = \"a\", attr = \"href\" }",
    );
    more_fails(
        "[stage.page.fields.a]\nattr = \"href\"\n[stage.page.fields.b]\nselect = \"p\"\njoin = \"|\"\n",
        "error: crawl.toml:7: the field \"stage.page.fields.a\" has no \"select\"\nhelp: add select = …\n\
         error: crawl.toml:9: the field \"stage.page.fields.b\" has \"join\", but takes only the first match\n\
         help: add all = true, or leave join out",
    );
}

#[test]
fn selectors() {
    let help = "help: try it in a browser's console: document.querySelectorAll(…)";
    fails(
        &format!(
            "{START}{PROXIES}[stage.page]\nexpect = \"div[\"\nlinks = [{{ select = \"\", to = \"page\" }}]\n[stage.page.fields]\n\
             x = {{ select = \"a:hover\" }}\ny = \"json:a\"\nz = \"meta:\"\n"
        ),
        &format!(
            "error: crawl.toml:6: \"stage.page.expect\" is no selector that can be read, it ends too early: \"div[\"\n{help}\n\
             error: crawl.toml:7: \"stage.page.links.0.select\" is no selector that can be read, empty selector: \"\"\n{help}\n\
             error: crawl.toml:9: \"stage.page.fields.x.select\" is no selector that can be read, unsupported pseudo class or \
             element: \"a:hover\"\n{help}\n\
             error: crawl.toml:10: \"stage.page.fields.y\" is no selector that can be read, it does not begin with /: \"json:a\"\n\
             help: write json:/items/0/name; in a name, ~1 stands for / and ~0 for ~\n\
             error: crawl.toml:11: \"stage.page.fields.z\" is no selector that can be read, a name is missing: \"meta:\"\n\
             help: write meta: and the name of a column"
        ),
    );
}

#[test]
fn selectors_that_do_not_read_the_page() {
    fails(
        &format!(
            "{START}start_stage = \"told\"\n{PROXIES}[stage.page]\nexpect = \"const:x\"\n[stage.page.fields]\n\
             x = {{ select = \"json:/a\", attr = \"href\" }}\ny = {{ select = \"meta:a\", required = true }}\n\
             [stage.told.fields]\nx = \"const:x\"\ny = \"meta:y\"\n"
        ),
        "error: crawl.toml:7: \"stage.page.expect\" is not \"any\", \"none\", a CSS selector or json:/pointer: \"const:x\"\n\
         help: write in quotes what only a real page has\n\
         error: crawl.toml:9: the field \"stage.page.fields.x\" has \"attr\", but its selector finds no elements\n\
         help: leave attr out, or use a CSS selector\n\
         error: crawl.toml:10: the field \"stage.page.fields.y\" is required, but it is not read from the page\n\
         help: leave required out: it says what a real page has, and meta: and const: are the same on each\n\
         error: crawl.toml:11: \"stage.told\" reads nothing from its pages, so none can prove to be a real one\n\
         help: set expect to a selector of what a real page has, or to \"none\"",
    );
    let told = format!("{START}{PROXIES}[stage.told]\nexpect = \"json:\"\n[stage.told.fields]\nx = \"const:x\"\n");
    assert!(Folder::new(&told).load_named("crawl.toml").is_ok());
}

#[test]
fn parameters_to_drop() {
    let help = "help: write a name, with * for any text: \"utm_*\", \"sid\"";
    assert_eq!(
        with("").set("crawl.drop_params=[\"\", \"sid=1\", 5, \"utm_*\"]").fails(),
        format!(
            "error: --set: \"crawl.drop_params.0\" is not the name of a parameter: \"\"\n{help}\n\
             error: --set: \"crawl.drop_params.1\" is not the name of a parameter: \"sid=1\"\n{help}\n\
             error: --set: \"crawl.drop_params.2\" is a bare number, not the name of a parameter\n{help}"
        )
    );
}

#[test]
fn start_urls() {
    let config = |start: &str| format!("[crawl]\nstart = [\n{start}\n]\n{STAGE}{PROXIES}");
    let web = "help: write http:// or https:// and a host";
    fails(
        &config(
            "\"ftp://a.example/\",\n\"shop.example\",\n\"http://{a,127.0.0.1}/{1..3}\",\n\"https://u:secret@10.0.0.1/\"",
        ),
        &format!(
            "error: crawl.toml:3: \"ftp://a.example/\" is neither an http nor an https address\n{web}\n\
             error: crawl.toml:4: \"shop.example\" is no address: relative URL without a base\n{web}\n\
             error: crawl.toml:5: \"http://127.0.0.1/1\" is a private address\n\
             help: set fetch.allow_private = true if you mean it\n\
             error: crawl.toml:6: \"https://***@10.0.0.1/\" is a private address\n\
             help: set fetch.allow_private = true if you mean it"
        ),
    );
    let template = "help: ranges are {1..5} or {001..100}, alternatives {a,b}; a literal brace is {{ or }}";
    fails(
        &config("\"http://a.example/{5..1}\",\n\"http://a.example/{1..}\""),
        &format!(
            "error: crawl.toml:3: \"crawl.start.0\" is not a template: the range {{5..1}} is reversed\n{template}\n\
             error: crawl.toml:4: \"crawl.start.1\" is not a template: the range {{1..}} is empty\n{template}"
        ),
    );
    assert!(
        Folder::new(&config("\"http://127.0.0.1/\"")).set("fetch.allow_private=true").load_named("crawl.toml").is_ok()
    );
}

#[test]
fn start_files() {
    let config = format!("[crawl]\nstart_file = \"s.txt\"\n{STAGE}{PROXIES}");
    assert_eq!(
        Folder::new(&config).fails(),
        "error: crawl.toml:2: cannot read crawl.start_file s.txt: No such file or directory (os error 2)\n\
         help: it has a URL a line"
    );
    assert_eq!(
        Folder::new(&config).file("s.txt", "# none\n").fails(),
        "error: crawl.toml:2: there is no start URL in s.txt\nhelp: it has a URL a line"
    );
    assert_eq!(
        Folder::new(&config.replace(".txt", ".tsv")).file("s.tsv", "").fails(),
        "error: crawl.toml:2: crawl.start_file s.tsv: its name ends in neither .txt, .csv nor .jsonl\n\
         help: the ending says how it is read; .txt has a URL a line"
    );
    let lines = format!("http://a.example/\n\n{}", "nonsense\n".repeat(12));
    let said = Folder::new(&config).file("s.txt", &lines).fails();
    let web = "help: write http:// or https:// and a host";
    let listed: String = (3..13)
        .map(|line| format!("error: s.txt:{line}: \"nonsense\" is no address: relative URL without a base\n{web}\n"))
        .collect();
    assert_eq!(said, format!("{listed}error: s.txt: 2 more lines that cannot be used"));
}

#[test]
fn start_files_with_columns() {
    let folder = |name: &str, text: &str| {
        Folder::new(&format!("[crawl]\nstart_file = \"{name}\"\n{STAGE}{PROXIES}")).file(name, text)
    };
    let columns = "help: columns are separated by commas; one is called url, one may be called stage";
    assert_eq!(
        folder("s.csv", "link;name\n").fails(),
        format!(
            "error: crawl.toml:2: crawl.start_file s.csv: no column of its header is called \"url\": link;name\n{columns}"
        )
    );
    assert_eq!(
        folder("s.csv", "url\n").fails(),
        "error: crawl.toml:2: there is no start URL in s.csv\n\
         help: its first line names the columns: url, perhaps stage, and what you want to keep with each URL"
    );
    assert_eq!(
        folder("s.csv", "url,stage,x\nhttp://a.example/,pgae,\nhttp://u:secret@10.0.0.1/,,\nhttp://a.example/,zzz\n,,\nftp://a.example/,,\"").fails(),
        "error: s.csv:2: unknown stage \"pgae\"\nhelp: did you mean \"page\"?\n\
         error: s.csv:3: \"http://***@10.0.0.1/\" is a private address\nhelp: set fetch.allow_private = true if you mean it\n\
         error: s.csv:4: this row is 2 wide, the header 3\n\
         help: put values that hold a comma, a quote or a line break in \"quotes\"\n\
         error: s.csv:5: this row has no \"url\"\nhelp: give it one, or take the row out\n\
         error: s.csv:6: \"ftp://a.example/\" is neither an http nor an https address\nhelp: write http:// or https:// and a host"
    );
    assert_eq!(
        folder("s.jsonl", "{\"url\": \"http://a.example/\", \"stage\": \"x\"}\nhttp://a.example/\n{\"url\": 1}\n")
            .fails(),
        "error: s.jsonl:1: unknown stage \"x\"\nhelp: the stages are page\n\
         error: s.jsonl:2: this is not JSON: expected value at column 1\nhelp: write an object a line: {\"url\": \"https://…\"}\n\
         error: s.jsonl:3: \"url\" is not text here\nhelp: write \"url\": \"https://…\""
    );
}

#[test]
fn rows_that_repeat_and_meta_that_is_nowhere_are_warned_of() {
    let warnings = |more: &str, name: &str, text: &str| {
        let config = format!("[crawl]\nstart_file = \"{name}\"\ndrop_params = [\"sid\"]\n{STAGE}{PROXIES}{more}");
        Folder::new(&config).file(name, text).load().warnings
    };
    let twice = "url,stage,client\nhttp://a.example/,,Ann\nhttp://A.example/#x,page,Bo\nhttp://a.example/?sid=1,,\nhttp://b.example/,,\n";
    assert_eq!(
        warnings("", "s.csv", twice),
        ["s.csv: 2 rows repeat the stage and URL of an earlier one, from line 3 on"]
    );
    let meta = "[stage.page.fields.client]\nselect = \"meta:client\"\n[stage.page.fields.no]\nselect = \"meta:sku\"\n";
    let lines = "{\"url\": \"http://a.example/\"}\n{\"url\": \"http://b.example/\", \"client\": 1}\n{\"url\": \"http://a.example/\"}\n";
    assert_eq!(
        warnings(meta, "s.jsonl", lines),
        [
            "s.jsonl: 1 row repeats the stage and URL of an earlier one, from line 3 on",
            "s.jsonl: no row has \"sku\", which stage.page.fields.no takes from it"
        ]
    );
    assert_eq!(warnings("", "s.txt", "http://a.example/1\nhttp://a.example/2\n"), [""; 0]);
}

#[test]
fn proxies() {
    let config = format!("{START}{STAGE}[proxies]\nfile = \"p.txt\"\n");
    let sample = "help: it has a proxy a line, for example http://user:password@proxy.example:8080";
    assert_eq!(
        Folder::new(&config).fails(),
        format!(
            "error: crawl.toml:6: cannot read proxies.file p.txt: No such file or directory (os error 2)\n{sample}"
        )
    );
    assert_eq!(
        Folder::new(&config).file("p.txt", "\n# a.example:1\n").fails(),
        format!("error: crawl.toml:6: there is no proxy in proxies.file p.txt\n{sample}")
    );
    assert_eq!(
        Folder::new(&config)
            .file(
                "p.txt",
                "a.example:1\nme:secret@a.example\nsock5://me:secret@a.example:1\nsocks5://secret@a.example:1\n"
            )
            .fails(),
        "error: p.txt:2: the port is missing or not a number from 1 to 65535\n\
         help: write host:port, http://user:password@host:port or host:port:user:password\n\
         error: p.txt:3: unknown scheme \"sock5\"\nhelp: use http, https, socks5 or socks5h\n\
         error: p.txt:4: SOCKS5 takes a user and a password of 1 to 255 bytes\n\
         help: if the proxy wants a token alone, ask its vendor what to send as the password"
    );
    assert_eq!(
        Folder::new(&config).file("p.txt", &"secret\n".repeat(12)).fails().lines().last().unwrap(),
        "error: p.txt: 2 more lines that are no proxies"
    );
    let both = format!("{config}direct = true\n");
    assert_eq!(
        Folder::new(&both).fails(),
        "error: crawl.toml:7: proxies.direct = true together with proxies\n\
         help: leave out proxies.direct, or proxies.file and proxies.list"
    );
}

#[test]
fn listed_proxies() {
    fails(
        &format!(
            "{START}{STAGE}[proxies]\nlist = [\n\"a.example:1\",\n\"me:secret@a.example\",\n\"p{{2..1}}:secret@a.example:1\",\n\"https://u%3Asecret:p@a.example:1\"]\n"
        ),
        "error: crawl.toml:8: \"proxies.list\": the port is missing or not a number from 1 to 65535\n\
         help: write host:port, http://user:password@host:port or host:port:user:password\n\
         error: crawl.toml:9: \"proxies.list.2\" is not a template: a range is reversed\n\
         help: ranges are {1..5} or {001..100}, alternatives {a,b}; a literal brace is {{ or }}\n\
         error: crawl.toml:10: \"proxies.list\": the user holds a colon, which HTTP proxies cannot be sent\n\
         help: ask the proxy's vendor for a user without a colon",
    );
    assert_eq!(
        with("").set("proxies.list=[\"a.example:{1..3000000}\"]").fails(),
        "error: --set: proxies.list makes 3000000 proxies\nhelp: the most is 1000000; is a range too long?"
    );
}

#[test]
fn feeds() {
    let two = "[crawl]\nstart = [\"https://shop.example/\"]\nstart_stage = \"a\"\n[stage.a.fields]\nx = \"p\"\n[stage.b.fields]\nx = \"p\"\n\
               [stage.c]\nlinks = [{ select = \"a\", to = \"b\" }]\n";
    fails(
        &format!(
            "{two}{PROXIES}[[feed]]\nkind = \"csv\"\npath = \"x.csv\"\n[[feed]]\nkind = \"csv\"\npath = \"./x.csv\"\nstages = [\"a\", \"b\"]\n\
             [[feed]]\nkind = \"jsonl\"\npath = \"x.csv\"\nstages = [\"c\", \"d\"]\n[[feed]]\nkind = \"jsonl\"\n\
             [[feed]]\nkind = \"jsonl\"\npath = \"report.json\"\nstages = []\n[[feed]]\nkind = \"jsonl\"\npath = \"run.log.jsonl\"\n"
        ),
        "error: crawl.toml:12: a csv feed of 2 stages: a, b\nhelp: a csv feed takes one stage: stages = [\"a\"]\n\
         error: crawl.toml:18: a csv feed of 2 stages: a, b\nhelp: a csv feed takes one stage: stages = [\"a\"]\n\
         error: crawl.toml:21: this feed and another feed are at one path: runs/crawl/x.csv\nhelp: give it another path\n\
         error: crawl.toml:22: the stage \"c\" has no fields, so it makes no records for this feed\n\
         help: give it fields in [stage.c.fields], or leave it out\n\
         error: crawl.toml:22: unknown stage \"d\"\nhelp: the stages are a, b, c\n\
         error: crawl.toml:23: \"feed.3\" has no \"path\"\nhelp: add path = …\n\
         error: crawl.toml:27: this feed and a file of the run's own are at one path: runs/crawl/report.json\nhelp: give it another path\n\
         error: crawl.toml:28: a feed of no stage\nhelp: leave stages out for all with fields\n\
         error: crawl.toml:31: this feed and the log file are at one path: runs/crawl/run.log.jsonl\nhelp: give it another path",
    );
}

#[test]
fn feeds_that_a_database_or_a_format_cannot_be() {
    fails(
        &format!(
            "{START}start_stage = \"Page\"\n{PROXIES}[stage.Page.fields]\nURL = \"a\"\n[stage.page.fields]\nx = \"p\"\n[stage.sqlite_x.fields]\nx = \"p\"\n\
             [[feed]]\nkind = \"sqlite\"\npath = \"-\"\ncompress = \"gzip\"\nbom = true\n\
             [[feed]]\nkind = \"jsonl\"\npath = \"-\"\ncompress = \"xz\"\n"
        ),
        "error: crawl.toml:13: \"Page\" and \"page\" are one name to SQLite\n\
         help: give one of them another name, or the feed another kind\n\
         error: crawl.toml:13: \"url\" and \"URL\" are one name to SQLite\n\
         help: give one of them another name, or the feed another kind\n\
         error: crawl.toml:13: no table can be called like the stage \"sqlite_x\"\n\
         help: give the stage another name, or the feed another kind\n\
         error: crawl.toml:14: a database cannot be written to standard output\n\
         help: give it a file, or make it a feed of kind \"jsonl\" or \"csv\"\n\
         error: crawl.toml:15: a database cannot be compressed\n\
         help: leave compress out: it is for kinds \"jsonl\" and \"csv\"\n\
         error: crawl.toml:16: a sqlite feed has no byte order mark\n\
         help: leave bom out: it is for kind = \"csv\"\n\
         error: crawl.toml:19: this feed and another feed are at one path: /dev/stdout\nhelp: give it another path\n\
         error: crawl.toml:20: \"feed.1.compress\" is not one of none, zstd, gzip: \"xz\"\nhelp: write one of none, zstd, gzip",
    );
}

#[test]
fn the_runs_name() {
    let help = "help: the run's folder is called so: no slashes, no control characters, not . or ..";
    for name in ["a/b", "..", "", " a"] {
        assert_eq!(
            with("").set(&format!("crawl.name=\"{name}\"")).fails(),
            format!("error: --set: \"crawl.name\" is not a plain name: \"{name}\"\n{help}")
        );
    }
}

#[test]
fn variables() {
    more_fails(
        "[fetch]\nuser_agent = \"${BOT_NAME}\"\n[log]\nfile = \"${\"\n",
        "error: crawl.toml:8: \"fetch.user_agent\" needs the environment variable BOT_NAME, which is not set\n\
         help: set it; a literal ${ is written $${\n\
         error: crawl.toml:10: \"log.file\" has a ${ that begins no ${VARIABLE}\nhelp: a literal ${ is written $${",
    );
}

#[test]
fn headers_that_are_set_for_each_request_are_not_the_users_to_set() {
    let set = "help: leave it out: it is sent as each request needs it, or not at all";
    let coding = "help: leave it out: it names what can be unpacked here, gzip and deflate";
    for (name, help) in [
        ("Host", set),
        ("connection", set),
        ("Content-Length", set),
        ("transfer-encoding", set),
        ("Expect", set),
        ("date", set),
        ("Accept-Encoding", coding),
        ("proxy-authorization", "help: write user and password on the proxy's line"),
        ("User-Agent", "help: set fetch.user_agent"),
    ] {
        more_fails(
            &format!("[fetch.headers]\n{name} = \"secret\"\n"),
            &format!("error: crawl.toml:8: the header \"{name}\" is not yours to set\n{help}"),
        );
    }
}

#[test]
fn headers() {
    more_fails(
        "[fetch]\nuser_agent = \"a\\nb\"\n[fetch.headers]\n\"x y\" = \"1\"\ncookie = \"secret\\r\\nx: y\"\n",
        "error: crawl.toml:8: \"fetch.user_agent\" holds what no header can hold\n\
         help: letters, digits and signs of ASCII, spaces and tabs between them\n\
         error: crawl.toml:10: \"x y\" is not the name of a header\n\
         error: crawl.toml:11: \"fetch.headers.cookie\" holds what no header can hold\n\
         help: letters, digits and signs of ASCII, spaces and tabs between them",
    );
}

#[test]
fn a_ca_file_that_is_not_there() {
    more_fails(
        "[fetch]\nca_file = \"ca.pem\"\n",
        "error: crawl.toml:8: cannot read fetch.ca_file ca.pem: No such file or directory (os error 2)\n\
         help: it is a PEM file, relative to the config",
    );
}

#[test]
fn what_comes_from_the_environment_is_never_shown() {
    let config = "[crawl]\nname = \"a/${S}\"\nstart = [\"a{2..1}\", \"ftp://a.example/${S}\"]\n[stage.page.fields]\nx = \"a[[${S}\"\n\
         [proxies]\nlist = [\"u:${S}@a.example\"]\n[log]\nlevel = \"${S}\"\n";
    let said = Folder::new(config).env("S", "hidden").fails();
    assert!(said.matches("error: ").count() == 6 && !said.contains("hidden"), "{said}");
}

proptest! {
    #[test]
    fn no_config_panics(text in "\\PC{0,80}", value in "\\PC{0,20}", key in prop::sample::select(vec![
        "pace.delay", "fetch.max_body", "crawl.start", "crawl.name", "feed", "feed.0", "stage", "stage.page.fields",
        "proxies.list", "crawl.hosts", "fetch.headers", "crawl.workers", "crawl.start.0", "stage.page.links",
    ])) {
        let load = |text: &str, sets: &[String]| {
            let here = std::path::Path::new("/nowhere");
            load_text("x.toml", text, here, sets, std::iter::empty(), here)
        };
        drop(load(&text, &[]));
        let right = format!("{START}{STAGE}{PROXIES}");
        for value in [value.clone(), format!("[{value:?}]"), format!("{{ a = {value:?} }}"), format!("[{{ select = {value:?} }}]")] {
            if let Ok(loaded) = load(&right, &[format!("{key}={value}")]) {
                show(&loaded);
                opening_line(&loaded.settings);
            }
        }
    }
}

#[test]
fn signs_of_a_ban_that_cannot_be_read() {
    let pattern = "help: write in single quotes what is searched for: '(?i)access denied'";
    more_fails(
        "[ban]\nselect = [\"#captcha[\"]\nbody = ['(busy']\nurl = [\"\"]\nmax_wait = \"0s\"\n",
        &format!(
            "error: crawl.toml:8: \"ban.select.0\" is no selector that can be read, it ends too early: \"#captcha[\"\n\
             help: try it in a browser's console: document.querySelectorAll(…)\n\
             error: crawl.toml:9: \"ban.body.0\" is no regular expression that can be read, unclosed group: \"(busy\"\n\
             {pattern}\n\
             error: crawl.toml:10: \"ban.url.0\" is not a regular expression: \"\"\n{pattern}\n\
             error: crawl.toml:11: \"ban.max_wait\" cannot be zero\n\
             help: write it in quotes with a unit of ms, s, m or h: \"1.5s\", \"250ms\", \"5m\", \"2h\""
        ),
    );
    more_fails(
        "[[ban.rule]]\nname = \"Cap tcha\"\nheader = \"x y: z\"\n[[ban.rule]]\nselect = \"#a\"\n",
        "error: crawl.toml:8: \"ban.rule.0.name\" is not a short name: \"Cap tcha\"\n\
         help: small letters, digits, - and _, a letter first: \"captcha\"\n\
         error: crawl.toml:9: \"ban.rule.0.header\" is not the name of a header, perhaps with a colon and a regular \
         expression: \"x y: z\"\n\
         help: for example \"retry-after\", or \"server: (?i)guard\"\n\
         error: crawl.toml:10: \"ban.rule.1\" has no \"name\"\nhelp: add name = …",
    );
    more_fails(
        "[[ban.rule]]\nname = \"none\"\n",
        "error: crawl.toml:7: the rule \"none\" says of no page that it is one of a ban\n\
         help: give it one or more of status, select, body, url, header: all of them must hold",
    );
}

#[test]
fn rates_and_numbers_that_are_none() {
    let rate = "help: write it in quotes with a unit of s, min or h: \"20/s\", \"30/min\", \"500/h\"";
    more_fails(
        "[pace]\nhost_rate = 20\nhost_in_flight = 0\nadaptive = \"yes\"\n",
        &format!(
            "error: crawl.toml:8: \"pace.host_rate\" is a bare number, not \"none\" or a rate\n{rate}\n\
             error: crawl.toml:9: \"pace.host_in_flight\" is not \"none\" or a whole number from 1: 0\n\
             error: crawl.toml:10: \"pace.adaptive\" is text, not true or false\n\
             help: write true or false, without quotes"
        ),
    );
    more_fails(
        "[pace]\nhost_rate = \"20/day\"\n",
        &format!("error: crawl.toml:8: \"pace.host_rate\" is not \"none\" or a rate: \"20/day\"\n{rate}"),
    );
}
