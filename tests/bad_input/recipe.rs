//! Mistakes in `[stage.*]`: what is taken from pages, and where their links lead.

use insta::assert_snapshot;

use super::{Mistake, PROXIES, START};

/// A config with this recipe, from line 3 on.
fn recipe(text: &str) -> Mistake {
    Mistake::config(&format!("{START}{text}{PROXIES}"))
}

#[test]
fn no_stage() {
    assert_snapshot!(recipe("").said(), @r#"
    exit 2
    error: crawl.toml: there is no stage: nothing says what to take from a page
    help: add one: [stage.page.fields] and below it title = "h1"
    "#);
}

#[test]
fn a_stage_without_fields_and_links() {
    assert_snapshot!(recipe("[stage.page]\nexpect = \"h1\"\n").said(), @r#"
    exit 2
    error: crawl.toml:3: the stage "page" has neither fields nor links
    help: give it links, or fields in [stage.page.fields]
    "#);
}

#[test]
fn unknown_stages() {
    let stages = "[stage.list]\nlinks = [{ select = \"a\", to = \"detial\" }]\n[stage.detail.fields]\ntitle = \"h1\"\n";
    assert_snapshot!(recipe(stages).set("crawl.start_stage=lists").said(), @r#"
    exit 2
    error: crawl.toml:4: unknown stage "detial"
    help: did you mean "detail"?
    error: --set: unknown stage "lists"
    help: did you mean "list"?
    "#);
}

#[test]
fn several_stages_and_none_to_start_with() {
    let stages = "[stage.list]\nlinks = [{ select = \"a\", to = \"detail\" }]\n[stage.detail.fields]\ntitle = \"h1\"\n";
    assert_snapshot!(recipe(stages).said(), @r#"
    exit 2
    error: crawl.toml:1: there are several stages, and crawl.start_stage does not say where to start
    help: for example start_stage = "list" in [crawl]
    "#);
}

#[test]
fn keys_of_a_stage_below_its_fields() {
    let stage = "[stage.page.fields]\ntitle = \"h1\"\nexpect = \"h1\"\nlinks = [{ select = \"a\", to = \"page\" }]\n";
    assert_snapshot!(recipe(stage).said(), @r#"
    exit 2
    error: crawl.toml:5: "expect" below [stage.page.fields] is a key of the stage
    help: move it above [stage.page.fields]; a field cannot be called expect, links, each, next, fields, request
    error: crawl.toml:6: "links" below [stage.page.fields] is a key of the stage
    help: move it above [stage.page.fields]; a field cannot be called expect, links, each, next, fields, request
    "#);
}

#[test]
fn fields_named_like_meta_columns() {
    assert_snapshot!(recipe("[stage.page.fields]\nurl = \"a\"\nstatus = \"p.status\"\n").said(), @r#"
    exit 2
    error: crawl.toml:4: the field "stage.page.fields.url" is named like a meta column
    help: give it another name: feeds have a column of this name that is about the page
    error: crawl.toml:5: the field "stage.page.fields.status" is named like a meta column
    help: give it another name: feeds have a column of this name that is about the page
    "#);
}

#[test]
fn selectors_that_cannot_be_read() {
    let stage = "[stage.page]\nexpect = \"div[\"\nlinks = [{ select = \"\", to = \"page\" }]\n\
                 [stage.page.fields]\ntitle = \"h1 >\"\nprice = { select = \"p::price\" }\nsku = \"xpath://p\"\n";
    assert_snapshot!(recipe(stage).said(), @r#"
    exit 2
    error: crawl.toml:4: "stage.page.expect" is no selector that can be read, it ends too early: "div["
    help: try it in a browser's console: document.querySelectorAll(…)
    error: crawl.toml:5: "stage.page.links.0.select" is no selector that can be read, empty selector: ""
    help: try it in a browser's console: document.querySelectorAll(…)
    error: crawl.toml:7: "stage.page.fields.title" is no selector that can be read, dangling combinator: "h1 >"
    help: try it in a browser's console: document.querySelectorAll(…)
    error: crawl.toml:8: "stage.page.fields.price.select" is no selector that can be read, unsupported pseudo class or element: "p::price"
    help: try it in a browser's console: document.querySelectorAll(…)
    error: crawl.toml:9: "stage.page.fields.sku" = "xpath://p" is not built yet
    help: use css:, json:, meta: or const:
    "#);
}

#[test]
fn fields_that_do_not_say_what_to_take() {
    let stage =
        "[stage.page.fields]\ntitle = { attr = \"href\" }\ntags = { select = \"p\", join = \"|\" }\nprice = 5\n";
    assert_snapshot!(recipe(stage).said(), @r#"
    exit 2
    error: crawl.toml:4: the field "stage.page.fields.title" has no "select"
    help: add select = …
    error: crawl.toml:5: the field "stage.page.fields.tags" has "join", but takes only the first match
    help: add all = true, or leave join out
    error: crawl.toml:6: "stage.page.fields.price" is a bare number, not a selector or a table
    help: for example "h2", or { select = "a", attr = "href" }
    "#);
}
