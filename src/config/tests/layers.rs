//! What comes out of a config that is right: settings, their layers, their paths.
//!
//! And what is shown of it.

use std::num::NonZeroUsize;
use std::path::Path;
use std::time::Duration;

use super::super::*;
use super::{Folder, PROXIES, STAGE, START, with};
use crate::proxy::{Route, Secret};

fn effective(loaded: &Loaded, key: &str) -> String {
    let lines: Vec<_> = loaded.effective.iter().filter(|(name, ..)| name == key).collect();
    assert_eq!(lines.len(), 1, "{key} in {:#?}", loaded.effective);
    format!("{} # {}", lines[0].1, lines[0].2)
}

fn pace(delay: Duration, jitter: f64) -> Pace {
    let retry_after_max = Duration::from_secs(600);
    Pace { delay, jitter, host_gap: None, host_in_flight: None, adaptive: true, retry_after_max }
}

#[test]
fn a_small_config_is_filled_up_with_defaults() {
    let folder = with("");
    let settings = folder.load().settings;
    assert_eq!(settings.crawl.name, "crawl");
    assert_eq!(settings.crawl.start_stage, "page");
    assert_eq!(settings.crawl.hosts, Hosts::Start);
    assert_eq!(settings.crawl.workers, Count::Auto);
    assert_eq!(settings.run_dir(), folder.path("runs/crawl"));
    assert_eq!(settings.pace, pace(Duration::from_secs(1), 0.5));
    assert_eq!(settings.fetch.max_body, 10 << 20);
    assert_eq!(settings.fetch.headers[1], ("accept-language".into(), Secret::new("en")));
    assert_eq!(settings.retry.status, [408, 500, 502, 503, 504, 520, 521, 522, 524]);
    assert_eq!(settings.proxies.wait, Duration::from_secs(900));
    assert_eq!(settings.log.file, folder.path("runs/crawl/run.log.jsonl"));
    assert_eq!(settings.supervisor, Supervisor { max_restarts: 5, window: Duration::from_secs(60) });
    let [feed] = settings.feeds.as_slice() else { panic!("one feed") };
    assert_eq!(
        (feed.kind, feed.stages.as_slice(), feed.meta.as_slice()),
        (FeedKind::Jsonl, ["page".to_owned()].as_slice(), [MetaColumn::Url].as_slice())
    );
    assert_eq!(feed.path, folder.path("runs/crawl/records.jsonl"));
    let [Route::Proxy(proxy)] = settings.routes.as_slice() else { panic!("one proxy") };
    assert_eq!(&*proxy.label, "proxy.example:8080");
}

#[test]
fn stages_and_fields_keep_their_order_and_their_case() {
    let config = format!(
        r#"{START}start_stage = "Zlist"
[stage.Zlist]
expect = "none"
priority = -3
links = [{{ select = "a", to = "Detail" }}, {{ select = "img", attr = "src", to = "Zlist" }}]
[stage.Detail]
expect = "css:h2.x"
[stage.Detail.fields]
zeta = "css:h1"
Alpha = {{ select = "a", attr = "href", required = true, type = "text" }}
"name.en" = {{ select = "p", all = true }}
beta = {{ select = "p", all = true, join = "" }}
{PROXIES}"#
    );
    let loaded = Folder::new(&config).load();
    let [list, detail] = loaded.settings.stages.as_slice() else { panic!("two stages") };
    assert_eq!((list.name.as_str(), &list.expect, list.priority), ("Zlist", &Expect::Nothing, -3));
    assert_eq!(list.links[0].attr, "href");
    assert_eq!(list.links[1].attr, "src");
    assert_eq!(detail.expect, Expect::Selector("css:h2.x".into()));
    let fields: Vec<_> =
        detail.fields.iter().map(|f| (f.name.as_str(), f.select.as_str(), &f.take, f.required)).collect();
    assert_eq!(
        fields,
        [
            ("zeta", "css:h1", &Take::First, false),
            ("Alpha", "a", &Take::First, true),
            ("name.en", "p", &Take::All, false),
            ("beta", "p", &Take::Joined(String::new()), false),
        ]
    );
    assert_eq!(effective(&loaded, "stage.Detail.fields.\"name.en\".select"), "\"p\" # crawl.toml:13");
    assert_eq!(loaded.settings.feeds[0].stages, ["Detail"]);
}

#[test]
fn later_layers_win_and_each_value_knows_its_own() {
    let loaded = with("[pace]\ndelay = \"2s\"\njitter = 0\n[log]\nlevel = \"debug\"\n")
        .env("BURDOCK__PACE__JITTER", "0.25")
        .env("BURDOCK__LOG__LEVEL", "warn")
        .env("BURDOCK_LOG", "none of ours")
        .set("log.level=error")
        .set("pace.delay = \"3s\"")
        .set("crawl.workers=7")
        .load();
    assert_eq!(loaded.settings.pace, pace(Duration::from_secs(3), 0.25));
    assert_eq!(loaded.settings.log.level, LogLevel::Error);
    assert_eq!(loaded.settings.crawl.workers, Count::Exactly(NonZeroUsize::new(7).unwrap()));
    assert_eq!(effective(&loaded, "pace.delay"), "\"3s\" # --set");
    assert_eq!(effective(&loaded, "pace.jitter"), "0.25 # environment BURDOCK__PACE__JITTER");
    assert_eq!(effective(&loaded, "crawl.start"), "[\"https://shop.example/\"] # crawl.toml:2");
    assert_eq!(effective(&loaded, "ban.cooldown"), "\"5m\" # default");
    assert_eq!(effective(&loaded, "crawl.name"), "\"crawl\" # default");
    assert_eq!(effective(&loaded, "feed.0.path"), "\"records.jsonl\" # default");
}

#[test]
fn tables_merge_and_arrays_are_replaced_whole() {
    let loaded = with("[retry]\nstatus = [500]\n[fetch.headers]\nAccept-Language = \"de\"\nx-shop = \"1\"\n").load();
    assert_eq!(loaded.settings.retry.status, [500]);
    assert_eq!(loaded.settings.retry.gone, [404, 410]);
    let headers: Vec<_> = loaded.settings.fetch.headers.iter().map(|(n, v)| (n.as_str(), v.reveal())).collect();
    assert_eq!(headers, [("accept", "text/html,*/*;q=0.8"), ("accept-language", "de"), ("x-shop", "1")]);
}

#[test]
fn one_item_of_an_array_can_be_set() {
    let feeds = "[[feed]]\nkind = \"jsonl\"\npath = \"a.jsonl\"\n[[feed]]\nkind = \"csv\"\npath = \"b.csv\"\n";
    let folder = with(feeds).set("feed.1.path=c.csv").env("BURDOCK__FEED__0__IF_EXISTS", "append");
    let loaded = folder.load();
    assert_eq!(loaded.settings.feeds[0].if_exists, IfExists::Append);
    assert_eq!(loaded.settings.feeds[1].path, folder.path("runs/crawl/c.csv"));
    assert_eq!(loaded.settings.feeds[1].kind, FeedKind::Csv);
    assert_eq!(effective(&loaded, "feed.0.path"), "\"a.jsonl\" # crawl.toml:9");
    assert_eq!(effective(&loaded, "feed.1.path"), "\"c.csv\" # --set");
    let loaded = with("").set("crawl.start.0=https://other.example/{1..2}").load();
    assert_eq!(loaded.settings.crawl.start, ["https://other.example/{1..2}"]);
}

#[test]
fn a_stage_is_found_by_the_environment_whatever_its_case() {
    let config = format!("{START}[stage.Page.fields]\nTitle = \"h1\"\n{PROXIES}");
    let loaded = Folder::new(&config).env("BURDOCK__STAGE__PAGE__PRIORITY", "4").load();
    assert_eq!(loaded.settings.stages.len(), 1);
    assert_eq!(loaded.settings.stages[0].priority, 4);
}

#[test]
fn paths_of_the_file_are_relative_to_it_and_others_to_where_you_stand() {
    let config = format!(
        "{START}start_file = \"../starts.txt\"\ndata_dir = \"out\"\n{STAGE}[proxies]\nfile = \"proxies.txt\"\n\
         [[feed]]\nkind = \"csv\"\npath = \"../feeds/x.csv\"\n[log]\nfile = \"./x.log\"\n"
    );
    let folder = Folder::new("")
        .file("conf/shop.toml", &config)
        .file("starts.txt", "https://shop.example/\n")
        .file("conf/proxies.txt", "a.example:1\n")
        .file("mine.txt", "b.example:1\nc.example:1\n");
    let settings = folder.load_named("conf/shop.toml").unwrap().settings;
    assert_eq!(settings.run_dir(), folder.path("conf/out/shop"));
    assert_eq!(settings.crawl.start_file.unwrap(), folder.path("starts.txt"));
    assert_eq!(settings.feeds[0].path, folder.path("feeds/x.csv"));
    assert_eq!(settings.log.file, folder.path("conf/x.log"));
    assert_eq!(settings.routes.len(), 1);

    let folder = folder
        .set("crawl.data_dir=out")
        .set("proxies.file=mine.txt")
        .set("feed.0.path=x/y.csv")
        .env("BURDOCK__LOG__FILE", "bare.log");
    let settings = folder.load_named("conf/shop.toml").unwrap().settings;
    assert_eq!(settings.run_dir(), folder.path("out/shop"));
    assert_eq!(settings.feeds[0].path, folder.path("x/y.csv"));
    assert_eq!(settings.log.file, folder.path("out/shop/bare.log"));
    assert_eq!(settings.routes.len(), 2);
}

#[test]
fn the_data_folder_nobody_named_is_where_you_stand() {
    let folder = Folder::new("").file("conf/shop.toml", &format!("{START}{STAGE}{PROXIES}"));
    assert_eq!(folder.load_named("conf/shop.toml").unwrap().settings.run_dir(), folder.path("runs/shop"));
}

#[test]
fn variables_are_filled_in_but_not_shown() {
    let config = format!(
        "[crawl]\nstart = [\"https://shop.example/{{1..2}}?key=${{KEY}}\"]\n{STAGE}[proxies]\n\
         list = [\"http://me-{{01..03}}:${{PASS}}@gw.example:7777\"]\n[fetch]\nuser_agent = \"$${{KEY}}\"\n"
    );
    let loaded = Folder::new(&config).env("KEY", "{a,b}hidden").env("PASS", "p{{@hidden").load();
    assert_eq!(loaded.settings.crawl.start, ["https://shop.example/{1..2}?key={{a,b}}hidden"]);
    assert_eq!(loaded.settings.fetch.user_agent, "${KEY}");
    assert_eq!(loaded.settings.routes.len(), 3);
    let Route::Proxy(proxy) = &loaded.settings.routes[2] else { panic!("a proxy") };
    let credentials = proxy.credentials.as_ref().unwrap();
    assert_eq!((credentials.user.reveal(), credentials.password.reveal()), ("me-03", "p{{@hidden"));
    let shown = show(&loaded);
    assert!(shown.contains("crawl.start = [\"https://shop.example/{1..2}?key=${KEY}\"]  # crawl.toml:2\n"), "{shown}");
    assert!(shown.contains("proxies.list = [\"http://***@gw.example:7777\"]  # crawl.toml:6\n"), "{shown}");
    assert!(!format!("{shown}{loaded:?}").replace("key={{a,b}}hidden", "").contains("hidden"));
}

#[test]
fn what_is_shown_follows_the_contract_and_has_no_secret() {
    let config = format!(
        "[supervisor]\nmax_restarts = 1\n{STAGE}[proxies]\nlist = [\"u:hidden@a.example:1\", \"b.example:2:u:hid@den\", \
         \"c.example:3\"]\n[fetch.headers]\nAuthorization = \"Bearer hidden\"\ncookie = \"hidden\"\nx-api-key = \"hidden\"\n\
         x-plain = \"seen\"\n[crawl]\nstart = [\"https://me:hidden@shop.example/\"]\n"
    );
    let loaded = Folder::new(&config).load();
    let shown = show(&loaded);
    assert!(!shown.contains("hid"), "{shown}");
    assert!(
        shown.contains("proxies.list = [\"***@a.example:1\", \"b.example:2:***\", \"c.example:3\"]  # crawl.toml:6\n")
    );
    assert!(shown.contains("fetch.headers.authorization = \"***\"  # crawl.toml:8\n"));
    assert!(shown.contains("fetch.headers.x-plain = \"seen\"  # crawl.toml:11\n"));
    assert!(shown.contains("crawl.start = [\"https://***@shop.example/\"]  # crawl.toml:13\n"));
    assert!(shown.starts_with("crawl.name = \"crawl\"  # default\ncrawl.start = "));
    assert!(shown.ends_with("supervisor.max_restarts = 1  # crawl.toml:2\nsupervisor.window = \"60s\"  # default\n"));
}

#[test]
fn a_proxy_listed_twice_counts_once_and_is_warned_about() {
    let config = format!("{START}{STAGE}[proxies]\nfile = \"p.txt\"\nlist = [\"http://b.example:1\"]\n");
    let loaded = Folder::new(&config).file("p.txt", "a.example:1\nb.example:1\nA.example:1\n").load();
    assert_eq!(loaded.settings.routes.len(), 2);
    assert_eq!(loaded.warnings, ["2 proxies are there already and count once (p.txt:3, proxies.list.0)"]);
}

#[test]
fn direct_is_one_route() {
    let settings = Folder::new(&format!("{START}{STAGE}[proxies]\ndirect = true\n")).load().settings;
    assert_eq!(settings.routes, [Route::Direct]);
    assert!(settings.proxies.direct);
    assert_eq!(settings.worker_count(), 1);
}

#[test]
fn a_config_need_not_be_a_file() {
    let text = format!("{START}{STAGE}{PROXIES}");
    let loaded =
        load_text("demo.toml", &text, Path::new("/base"), &[], std::iter::empty(), Path::new("/here")).unwrap();
    assert_eq!(loaded.settings.run_dir(), Path::new("/here/runs/demo"));
    assert_eq!(effective(&loaded, "crawl.start"), "[\"https://shop.example/\"] # demo.toml:2");
}

#[test]
fn every_setting_that_is_read_is_in_the_file_of_defaults() {
    let loaded = with("").load();
    let defaults = include_str!("../../../config/default.toml");
    for (key, _, origin) in &loaded.effective {
        let name = key.rsplit('.').next().unwrap();
        assert!(defaults.contains(name), "{key} is nowhere in default.toml");
        let own = ["crawl.start", "crawl.name", "crawl.start_stage", "proxies.list"].contains(&key.as_str());
        let chosen = own || key.starts_with("stage.") || key.starts_with("feed.");
        assert!(chosen || *origin == Origin::Default, "{key} comes from {origin}");
    }
    assert_eq!(loaded.effective.len(), 81, "{:#?}", loaded.effective);
}

#[test]
fn every_kind_of_proxy_is_read_and_lines_without_a_scheme_take_the_configs() {
    let lines = "a.example:1\nhttps://b.example:2\nsocks5h://u:p@c.example:3\nd.example:4:u:p\n";
    let schemes = |scheme: &str| {
        let folder = with("").file("p.txt", lines).set("proxies.file=p.txt").set("proxies.list=[]");
        let routes = folder.set(&format!("proxies.scheme={scheme}")).load().settings.routes;
        let scheme = |route: &Route| match route {
            Route::Proxy(proxy) => proxy.scheme.as_str(),
            Route::Direct => "direct",
        };
        routes.iter().map(scheme).collect::<Vec<_>>()
    };
    assert_eq!(schemes("http"), ["http", "https", "socks5", "http"]);
    assert_eq!(schemes("https"), ["https", "https", "socks5", "https"]);
    assert_eq!(schemes("socks5"), ["socks5", "https", "socks5", "socks5"]);
    assert_eq!(schemes("socks5h"), ["socks5", "https", "socks5", "socks5"]);
}

#[test]
fn tls_that_checks_nothing_is_warned_of() {
    assert!(with("").load().warnings.is_empty());
    let loaded = with("").set("fetch.insecure_tls=true").load();
    assert!(loaded.settings.fetch.insecure_tls);
    assert!(loaded.warnings[0].contains("fetch.insecure_tls"), "{:?}", loaded.warnings);
}

#[test]
fn hosts_are_compared_as_urls_write_them() {
    let folder = with("").set("crawl.hosts=[\"*.Shop.example\", \"b\u{fc}cher.example\"]");
    let listed = Hosts::Listed(vec!["*.shop.example".into(), "xn--bcher-kva.example".into()]);
    assert_eq!(folder.load().settings.crawl.hosts, listed);
    assert_eq!(with("").set("crawl.hosts=any").load().settings.crawl.hosts, Hosts::Any);
}

#[test]
fn without_a_word_on_proxies_they_are_read_from_proxies_txt_beside_the_config() {
    let folder = Folder::new(&format!("{START}{STAGE}")).file("proxies.txt", "a.example:1\nb.example:2\n");
    assert_eq!(folder.load().settings.routes.len(), 2);
    let direct = Folder::new(&format!("{START}{STAGE}[proxies]\ndirect = true\n")).file("proxies.txt", "a.example:1\n");
    assert!(direct.load().settings.proxies.direct);
}

#[test]
fn limits_are_numbers_with_their_units_or_none() {
    let limits = with("[limits]\npages = 100\nbytes = \"2 MiB\"\nduration = \"1h\"\n").load().settings.limits;
    assert_eq!((limits.pages, limits.bytes, limits.records), (Some(100), Some(2 << 20), None));
    assert_eq!(limits.duration, Some(std::time::Duration::from_secs(3600)));
    let said = with("[limits]\npages = 0\nbytes = 5\nduration = \"long\"\nrecords = \"all\"\n").fails();
    for key in ["pages", "bytes", "duration", "records"] {
        assert!(said.contains(&format!("\"limits.{key}\"")), "{said}");
    }
}

#[test]
fn limits_of_a_host_and_signs_of_a_ban_are_read_and_shown() {
    let folder = with(
        "[pace]\nhost_rate = \"30/min\"\nhost_in_flight = 4\nadaptive = false\n\
         [ban]\nstatus = []\nbody = ['(?i)busy']\n\
         [[ban.rule]]\nname = \"captcha\"\nselect = \"#captcha\"\nstatus = 200\n\
         [[ban.rule]]\nname = \"guard\"\nheader = \"server: guard\"\n",
    );
    let loaded = folder.load();
    let pace = loaded.settings.pace;
    assert_eq!((pace.host_gap, pace.host_in_flight.map(|most| most.get())), (Some(Duration::from_secs(2)), Some(4)));
    assert!(!pace.adaptive);
    let ban = &loaded.settings.ban;
    assert_eq!((ban.body.as_slice(), ban.max_wait), (["(?i)busy".to_owned()].as_slice(), Duration::from_secs(3600)));
    let captcha =
        BanRule { name: "captcha".into(), status: Some(200), select: Some("#captcha".into()), ..BanRule::default() };
    assert_eq!((ban.rules.len(), &ban.rules[0]), (2, &captcha));
    assert_eq!(effective(&loaded, "ban.rule.1.header"), "\"server: guard\" # crawl.toml:20");
    assert_eq!(effective(&loaded, "pace.host_rate"), "\"30/min\" # crawl.toml:8");
}

#[test]
fn depth_may_be_nought_and_room_on_disks_is_kept_unless_told_otherwise() {
    let limits = with("").load().settings.limits;
    assert_eq!((limits.depth, limits.min_free), (None, Some(500 << 20)));
    let limits = with("[limits]\ndepth = 0\nmin_free = \"none\"\n").load().settings.limits;
    assert_eq!((limits.depth, limits.min_free), (Some(0), None));
}

#[test]
fn what_is_kept_and_how_far_feeds_may_lag_are_settings() {
    let frontier = with("").load().settings.frontier;
    assert_eq!((frontier.keep_records, frontier.max_lag), (true, 64 << 20));
    let frontier = with("[frontier]\nkeep_records = false\nmax_lag = \"1 MiB\"\n").load().settings.frontier;
    assert_eq!((frontier.keep_records, frontier.max_lag), (false, 1 << 20));
}
