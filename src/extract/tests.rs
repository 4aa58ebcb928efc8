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
    let affinity = config::Affinity::None;
    config::Stage {
        name: name.into(),
        expect: Expect::Any,
        links: Vec::new(),
        priority: 0,
        affinity,
        fields: Vec::new(),
    }
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
    read_task(&json!({}), stage, url, text)
}

/// The same, of a task that carries `meta`.
fn read_task(meta: &Value, stage: &Stage, url: &str, text: &str) -> Extracted {
    let drop_params = DropParams::new(&["sid".to_owned()]);
    let meta = meta.as_object().unwrap();
    read(stage, &Page { url: &Url::parse(url).unwrap(), text, meta, drop_params: &drop_params })
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
        <a href='/detail/2?sid=9'>with a session</a> <a>no href</a> <a href='mailto:a@b.example'>m</a> <a href='javascript:go()'>j</a> <a href='http://[bad'>b</a>
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

/// A stage with these fields, and nothing else.
fn api(expect: Expect, fields: Vec<config::Field>) -> Recipe {
    Recipe::compile(&[config::Stage { expect, fields, ..stage("api") }]).unwrap()
}

fn read_api(recipe: &Recipe, text: &str) -> Extracted {
    read_task(
        &json!({ "client": "Ann", "rank": 7, "tags": ["a", 1], "none": null }),
        recipe.stage(LIST),
        "http://a.example/",
        text,
    )
}

#[test]
fn values_of_json_keep_their_types_and_numbers_every_digit() {
    let names = ["/s", "/n", "/big", "/f", "/b", "/null", "/none", "/list/1", "/o"];
    let recipe = api(Expect::Any, names.iter().map(|name| field(name, &format!("json:{name}"))).collect());
    let body = r#"{"s": " a  b ", "n": 1, "big": 123456789012345678901234567890, "f": 0.10, "b": false, "null": null,
        "list": [1, [2]], "o": {"z": 1, "a": 2}}"#;
    let extracted = read_api(&recipe, body);
    let row = serde_json::to_string(&extracted.rows[0]).unwrap();
    assert_eq!(row, r#"[" a  b ",1,123456789012345678901234567890,0.10,false,null,null,[2],{"z":1,"a":2}]"#);
    assert_eq!(extracted.missing, ["/null".into(), "/none".into()] as [Arc<str>; 2]);
}

#[test]
fn all_gives_the_elements_of_an_array_and_join_their_texts() {
    let take = |pointer: &str, take| config::Field { take, ..field("f", pointer) };
    let joined = || Take::Joined("|".into());
    let fields = vec![
        take("json:/tags", Take::All),
        take("json:/tags", joined()),
        take("json:/one", Take::All),
        take("json:/one", joined()),
        take("json:/empty", Take::All),
        take("json:/empty", Take::First),
        take("json:/none", Take::All),
        take("json:/none", joined()),
        take("meta:tags", Take::All),
    ];
    let recipe = api(Expect::Any, fields);
    let extracted = read_api(&recipe, r#"{"tags": ["x", 2, null, {"a": 1}], "one": 5, "empty": []}"#);
    let elements = json!(["x", 2, null, { "a": 1 }]);
    let row = [
        elements,
        json!("x|2||{\"a\":1}"),
        json!([5]),
        json!("5"),
        json!([]),
        json!([]),
        json!([]),
        json!(""),
        json!(["a", 1]),
    ];
    assert_eq!(extracted.rows, [row]);
    assert_eq!(extracted.missing.len(), 3, "two of /none, and the elements of nothing");
}

#[test]
fn a_stage_may_mix_what_the_page_has_with_what_it_is_told() {
    let fields = vec![
        field("title", "h2"),
        field("client", "meta:client"),
        field("rank", "meta:rank"),
        field("kind", "const:film "),
    ];
    let recipe = api(Expect::Any, [fields, vec![field("no", "meta:no"), field("none", "meta:none")]].concat());
    let extracted = read_api(&recipe, "<h2>t</h2>");
    assert_eq!(extracted.rows, [[json!("t"), json!("Ann"), json!(7), json!("film "), Value::Null, Value::Null]]);
    assert_eq!(extracted.missing, ["no".into(), "none".into()] as [Arc<str>; 2]);
    let captcha = read_api(&recipe, "<form id=captcha>");
    let shortfall = captcha.shortfall.unwrap().to_string();
    assert_eq!(
        shortfall, r#"stage api: no link and no field was found; looked for title ("h2")"#,
        "what it is told proves nothing"
    );
    assert!(captcha.rows.is_empty());
}

#[test]
fn what_should_be_json_and_is_not_is_never_an_empty_success() {
    for expect in [Expect::Any, Expect::Nothing, Expect::Selector("json:/ok".into())] {
        let recipe = api(expect, vec![field("id", "json:/id")]);
        for body in ["", "<h1>Log in</h1>", "{\"id\": 1", "{} x", &"[".repeat(100_000)] {
            let extracted = read_api(&recipe, body);
            let shortfall = extracted.shortfall.unwrap();
            assert_eq!(shortfall.code(), "json.invalid");
            assert!(shortfall.to_string().starts_with("stage api: the page is not JSON: "), "{shortfall}");
            assert_eq!((extracted.rows.len(), &*extracted.missing[0]), (0, "id"));
        }
    }
}

#[test]
fn a_pointer_can_be_expected_and_required() {
    let recipe = api(Expect::Selector("json:/items/0".into()), vec![field("n", "json:/n")]);
    assert_eq!(read_api(&recipe, r#"{"items": [false]}"#).rows, [[Value::Null]]);
    for empty in [r#"{"items": []}"#, r#"{"items": [null]}"#, "[]", "null"] {
        let shortfall = read_api(&recipe, empty).shortfall.unwrap();
        assert_eq!(shortfall.to_string(), r#"stage api: expect "json:/items/0" matches nothing"#, "{empty}");
    }
    let required = config::Field { required: true, ..field("n", "json:/n") };
    let recipe = api(Expect::Nothing, vec![required]);
    assert_eq!(read_api(&recipe, r#"{"n": null}"#).shortfall.unwrap().code(), "field.missing");
    assert_eq!(read_api(&recipe, r#"{"n": ""}"#).rows, [[json!("")]]);
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
    fn any_value_put_into_json_comes_off_it(text in "\\PC{0,20}", number: i64, share: f64) {
        prop_assume!(share.is_finite());
        let recipe = api(Expect::Any, vec![field("t", "json:/0"), field("n", "json:/1"), field("f", "json:/2"), field("all", "json:")]);
        let page = json!([text, number, share]);
        let extracted = read_api(&recipe, &page.to_string());
        prop_assert_eq!(&extracted.rows, &[[json!(text), json!(number), json!(share), page]]);
    }

    #[test]
    fn text_put_on_a_page_comes_off_it_folded(words in prop::collection::vec("[^\\s\\p{C}<&>]{1,8}", 0..6), gap in "[ \t\n]{1,3}") {
        let page = format!("<h1>x</h1><h2>{gap}{}{gap}</h2>", words.join(&gap));
        let found = values(vec![field("title", "h2")], &page);
        prop_assert_eq!(&found[0], &json!(words.join(" ")));
    }
}
