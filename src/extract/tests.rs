//! What a recipe finds on a page, seen from outside.

use std::sync::Arc;

use proptest::prelude::*;
use serde_json::{Value, json};
use url::Url;

use super::*;
use crate::config::{self, Expect, Take};
use crate::task::StageId;

const LIST: StageId = StageId(0);
const DETAIL: StageId = StageId(1);

fn stage(name: &str) -> config::Stage {
    config::Stage { name: name.into(), expect: Expect::Any, links: Vec::new(), priority: 0, fields: Vec::new() }
}

fn link(select: &str, to: &str) -> config::Link {
    config::Link { select: select.into(), attr: "href".into(), to: to.into() }
}

fn field(name: &str, select: &str) -> config::Field {
    config::Field { name: name.into(), select: select.into(), attr: None, take: Take::First, required: false }
}

/// A list that links details, and a detail with the given fields.
fn films(links: Vec<config::Link>, fields: Vec<config::Field>) -> Recipe {
    let list = config::Stage { links, ..stage("list") };
    let detail = config::Stage { fields, priority: 7, ..stage("detail") };
    Recipe::compile(&[list, detail]).unwrap()
}

fn read_at(url: &str, stage: &Stage, text: &str) -> Extracted {
    read(stage, &Page { url: &Url::parse(url).unwrap(), text })
}

fn values(fields: Vec<config::Field>, text: &str) -> Vec<Value> {
    let extracted = read_at("http://site.example/", films(vec![], fields).stage(DETAIL), text);
    assert_eq!(extracted.shortfall, None);
    extracted.rows.into_iter().next().unwrap()
}

fn urls(text: &str) -> Vec<String> {
    let recipe = films(vec![link("a", "detail")], vec![field("title", "h2")]);
    let found = read_at("http://site.example/films/page/1?all#top", recipe.stage(LIST), text).links;
    found.into_iter().map(|link| link.url.into()).collect()
}

#[test]
fn a_recipe_is_shared_by_threads() {
    fn shared<T: Send + Sync + 'static>() {}
    shared::<Recipe>();
    shared::<Extracted>();
}

#[test]
fn stages_are_found_by_name_and_id_and_know_their_fields() {
    let recipe = films(vec![link("a", "detail")], vec![field("title", "h2"), field("year", ".year")]);
    assert_eq!(recipe.stage_id("detail"), Some(DETAIL));
    assert_eq!(recipe.stage_id("details"), None);
    let detail = recipe.stage(DETAIL);
    assert_eq!((detail.id(), &**detail.name(), detail.priority()), (DETAIL, "detail", 7));
    assert_eq!(detail.field_names(), ["title".into(), "year".into()] as [Arc<str>; 2]);
    assert_eq!(recipe.stages().len(), 2);
}

#[test]
fn a_selector_that_does_not_parse_is_shown_with_its_place() {
    let said = |stage: config::Stage| Recipe::compile(&[stage]).unwrap_err().to_string();
    let bad = config::Stage { fields: vec![field("title", "h2:hover")], ..stage("detail") };
    let place = r#"stage detail, field title: selector "h2:hover" does not parse: "#;
    assert_eq!(said(bad), format!("{place}unsupported pseudo class or element"));
    let bad = config::Stage { links: vec![link("a[", "list")], ..stage("list") };
    assert_eq!(said(bad), r#"stage list, link to list: selector "a[" does not parse: it ends too early"#);
    let bad = config::Stage { expect: Expect::Selector("h2 >".into()), ..stage("list") };
    assert_eq!(said(bad), r#"stage list, expect: selector "h2 >" does not parse: dangling combinator"#);
    let bad = config::Stage { links: vec![link("a", "detial")], ..stage("list") };
    assert_eq!(said(bad), r#"stage list: a link leads to "detial", which is not a stage"#);
}

#[test]
fn text_is_trimmed_folded_and_taken_from_the_first_match() {
    let page = "<h2>\n  The <b>Sha</b>wshank\n\tRedemption </h2><h2>Another</h2><p></p>";
    let fields = vec![field("title", "h2"), field("empty", "p"), field("none", "h3")];
    assert_eq!(values(fields, page), [json!("The Shawshank Redemption"), json!(""), Value::Null]);
}

#[test]
fn lists_and_joined_fields_are_empty_and_not_null_without_a_match() {
    let take = |select: &str, take| config::Field { take, ..field("f", select) };
    let page = "<h1>x</h1><p class=d> Ann\nLee </p><p class=d>Bo</p>";
    let fields = vec![
        take(".d", Take::All),
        take(".d", Take::Joined("|".into())),
        take(".e", Take::All),
        take(".e", Take::Joined("|".into())),
        field("h", "h1"),
    ];
    assert_eq!(values(fields, page), [json!(["Ann Lee", "Bo"]), json!("Ann Lee|Bo"), json!([]), json!(""), json!("x")]);
}

#[test]
fn an_attribute_is_trimmed_and_an_element_without_it_is_no_match() {
    let attr = |take| config::Field { attr: Some("data-id".into()), take, ..field("id", "li") };
    let page = "<li>none<li data-id=' a  1\n'>one<li data-id=''>";
    let fields = vec![attr(Take::First), attr(Take::All)];
    assert_eq!(values(fields, page), [json!("a  1"), json!(["a  1", ""])]);
}

#[test]
fn links_are_resolved_without_fragments_in_page_order_and_once() {
    let page = "<a href='/detail/2#cast'>2</a> <a href=' ../detail/1 '>1</a> <a href='/detail/2'>again</a>
        <a href='HTTP://Other.Example:80/x?a=B%20c#f'>abroad</a> <a href='//cdn.example/y'>z</a> <a href='?p=2'>q</a>
        <a>no href</a> <a href='mailto:a@b.example'>m</a> <a href='javascript:go()'>j</a> <a href='http://[bad'>b</a>
        <a href='ftp://site.example/'>f</a>";
    assert_eq!(
        urls(page),
        [
            "http://site.example/detail/2",
            "http://site.example/films/detail/1",
            "http://other.example/x?a=B%20c",
            "http://cdn.example/y",
            "http://site.example/films/page/1?p=2",
        ]
    );
}

#[test]
fn the_first_base_with_an_address_is_where_relative_links_start() {
    let link = "<a href=x>";
    assert_eq!(
        urls(&format!("<base target=t><base href='../b/'><base href='/c/'>{link}")),
        ["http://site.example/films/b/x"]
    );
    assert_eq!(urls(&format!("<base href='//cdn.example/d/'>{link}")), ["http://cdn.example/d/x"]);
    for useless in ["http://[", "data:text/plain,a", "javascript:b"] {
        assert_eq!(urls(&format!("<base href='{useless}'>{link}")), ["http://site.example/films/page/x"], "{useless}");
    }
}

#[test]
fn links_of_several_rules_come_in_page_order_each_to_its_stage() {
    let attr = config::Link { attr: "data-next".into(), ..link("b", "list") };
    let recipe = films(vec![link("a.name", "detail"), attr, link("a", "list")], vec![field("title", "h2")]);
    let page = "<b data-next=/2></b><a class=name href=/d></a><a href=/3></a><a class=name href=/d></a>";
    let found = read_at("http://s.example/", recipe.stage(LIST), page).links;
    let found: Vec<_> = found.iter().map(|link| (link.to, link.url.path())).collect();
    assert_eq!(found, [(LIST, "/2"), (DETAIL, "/d"), (LIST, "/d"), (LIST, "/3")]);
}

#[test]
fn a_stage_without_fields_gives_no_record() {
    let recipe = films(vec![link("a", "detail")], vec![field("title", "h2")]);
    let extracted = read_at("http://s.example/", recipe.stage(LIST), "<a href=/d>");
    assert_eq!((extracted.rows.len(), extracted.links.len(), extracted.shortfall), (0, 1, None));
}

#[test]
fn fields_without_a_match_are_named() {
    let list = config::Field { take: Take::All, ..field("tags", ".tag") };
    let recipe = films(vec![], vec![field("title", "h2"), field("year", ".year"), list]);
    let extracted = read_at("http://s.example/", recipe.stage(DETAIL), "<h2></h2>");
    assert_eq!(extracted.missing, ["year".into(), "tags".into()] as [Arc<str>; 2]);
    assert_eq!(extracted.rows, [vec![json!(""), Value::Null, json!([])]]);
}

#[test]
fn a_page_without_a_link_or_a_field_is_not_a_real_one() {
    let joined = config::Field { take: Take::Joined("|".into()), ..field("directors", "p.d") };
    let list = config::Stage {
        links: vec![link("a.name", "list")],
        fields: vec![field("title", "h2"), joined],
        ..stage("list")
    };
    let recipe = Recipe::compile(&[list]).unwrap();
    let captcha = "<form id=captcha><a href=/help>help</a></form>";
    let extracted = read_at("http://s.example/", recipe.stage(LIST), captcha);
    let shortfall = extracted.shortfall.unwrap();
    assert_eq!(shortfall.code(), "expect.unmet");
    assert_eq!(
        shortfall.to_string(),
        r#"stage list: no link and no field was found; looked for link to list ("a.name"), title ("h2"), directors ("p.d")"#
    );
    assert_eq!((extracted.rows, extracted.links), (vec![], vec![]));

    for real in ["<a class=name href=/x>", "<h2>t</h2>", "<p class=d>D</p>"] {
        assert_eq!(read_at("http://s.example/", recipe.stage(LIST), real).shortfall, None, "{real}");
    }
}

#[test]
fn a_page_without_what_its_stage_expects_gives_nothing() {
    let mut detail = config::Stage {
        expect: Expect::Selector("div.film h2".into()),
        fields: vec![field("title", "h2")],
        links: vec![link("a", "detail")],
        ..stage("detail")
    };
    let page = "<h2>Log in</h2><a href=/login>";
    let recipe = Recipe::compile(&[detail.clone()]).unwrap();
    let extracted = read_at("http://s.example/", recipe.stage(LIST), page);
    let shortfall = extracted.shortfall.unwrap();
    assert_eq!(shortfall.code(), "expect.unmet");
    assert_eq!(shortfall.to_string(), r#"stage detail: expect "div.film h2" matches nothing"#);
    assert_eq!((extracted.rows, extracted.links), (vec![], vec![]));
    assert_eq!(read_at("http://s.example/", recipe.stage(LIST), "<div class=film><h2>").shortfall, None);

    detail.expect = Expect::Nothing;
    let recipe = Recipe::compile(&[detail]).unwrap();
    let extracted = read_at("http://s.example/", recipe.stage(LIST), "");
    assert_eq!((extracted.rows, extracted.shortfall), (vec![vec![Value::Null]], None));
}

#[test]
fn a_page_that_lacks_required_fields_gives_nothing_and_names_them() {
    let required = |name: &str, select: &str, take| config::Field { required: true, take, ..field(name, select) };
    let fields = vec![
        field("title", "h2"),
        required("year", ".year", Take::First),
        required("cast", ".cast", Take::All),
        required("joined", ".j", Take::Joined(",".into())),
    ];
    let recipe = films(vec![], fields);
    let extracted = read_at("http://s.example/", recipe.stage(DETAIL), "<h2>t</h2><p class=cast>");
    let shortfall = extracted.shortfall.unwrap();
    assert_eq!(shortfall.code(), "field.missing");
    assert_eq!(
        shortfall.to_string(),
        r#"stage detail: without a match, though required: year (".year"), joined (".j")"#
    );
    assert!(extracted.rows.is_empty());
}

proptest! {
    #[test]
    fn any_text_is_read_without_a_panic_and_links_come_out_canonical_and_once(text in ".{0,400}", href in ".{0,40}") {
        let recipe = films(vec![link("a", "detail"), link("*", "list")], vec![field("title", "h2")]);
        let page = format!("<a href=\"{href}\">x</a>{text}<a href=\"{href}\">x</a><table><a href=/y>{text}");
        let found = read_at("https://s.example/a/b?c", recipe.stage(LIST), &page).links;
        for (place, link) in found.iter().enumerate() {
            prop_assert!(matches!(link.url.scheme(), "http" | "https"));
            prop_assert_eq!(link.url.fragment(), None);
            prop_assert!(!found[..place].contains(link));
        }
    }

    #[test]
    fn text_put_on_a_page_comes_off_it_folded(words in prop::collection::vec("[^\\s\\p{C}<&>]{1,8}", 0..6), gap in "[ \t\n]{1,3}") {
        let page = format!("<h1>x</h1><h2>{gap}{}{gap}</h2>", words.join(&gap));
        let found = values(vec![field("title", "h2")], &page);
        prop_assert_eq!(&found[0], &json!(words.join(" ")));
    }
}
