//! `[stage.*]`: what each one takes from a page and where its links lead.
//!
//! Merged tables come in, stages in the order of the file go out. Selectors are known to parse; no page is known here.

use config::{Value, ValueKind};
use serde::Deserialize;

use super::layer::Tree;
use super::merged::Merged;
use super::problem::suggestion;
use super::{Affinity, Expect, Field, Link, Stage, Take};
use crate::extract::{Selector, Source};

/// `[stage.NAME]` but for its fields, whose order counts.
#[derive(Deserialize)]
struct Rest {
    #[serde(default)]
    expect: Expect,
    #[serde(default)]
    links: Vec<Link>,
    #[serde(default)]
    priority: i32,
    #[serde(default)]
    affinity: Affinity,
}

/// A field that is more than a selector.
#[derive(Deserialize)]
struct LongField {
    select: String,
    attr: Option<String>,
    #[serde(default)]
    all: bool,
    join: Option<String>,
    #[serde(default)]
    required: bool,
}

fn fields_of(stage: &Value) -> Option<ValueKind> {
    match &stage.kind {
        ValueKind::Table(tree) => tree.get("fields").map(|fields| fields.kind.clone()),
        _ => None,
    }
}

impl Merged<'_> {
    /// All stages in the order of the file.
    pub(super) fn stages(&mut self) -> Vec<Stage> {
        let tree = match self.get("stage").map(|value| value.kind.clone()) {
            Some(ValueKind::Table(tree)) => tree,
            _ => Tree::new(),
        };
        if tree.is_empty() && !self.is_broken("stage") {
            let help = "add one: [stage.page.fields] and below it title = \"h1\"";
            self.fault_in_file("there is no stage: nothing says what to take from a page", help);
        }
        let names: Vec<String> = tree.keys().cloned().collect();
        tree.into_iter().filter_map(|(name, value)| self.stage(name, value, &names)).collect()
    }

    fn stage(&mut self, name: String, value: Value, names: &[String]) -> Option<Stage> {
        let path = format!("stage.{name}");
        let fields = match fields_of(&value) {
            Some(ValueKind::Table(tree)) => {
                tree.into_iter().filter_map(|(field, value)| self.field(&path, field, value)).collect()
            }
            _ => Vec::new(),
        };
        let rest: Rest = value.try_deserialize().ok()?;
        if fields.is_empty() && rest.links.is_empty() && !self.is_broken(&path) {
            let help = format!("give it links, or fields in [{path}.fields]");
            self.fault(&path, format!("the stage {name:?} has neither fields nor links"), help);
        }
        if rest.expect == Expect::Any && rest.links.is_empty() && !fields.is_empty() && !self.is_broken(&path) {
            self.check_that_something_is_read(&path, &fields);
        }
        for (place, link) in rest.links.iter().enumerate() {
            self.known_stage(&format!("{path}.links.{place}.to"), &link.to, names);
        }
        let Rest { expect, links, priority, affinity } = rest;
        Some(Stage { name, expect, links, priority, affinity, fields })
    }

    fn field(&mut self, stage: &str, name: String, value: Value) -> Option<Field> {
        let path = format!("{stage}.fields.{name}");
        if let ValueKind::String(select) = value.kind {
            return Some(Field { name, select, attr: None, take: Take::First, required: false });
        }
        let Ok(long) = value.try_deserialize::<LongField>() else {
            if !self.is_broken(&path) {
                self.fault(&path, format!("the field {path:?} has no \"select\""), "add select = …");
            }
            return None;
        };
        let take = match (long.all, long.join) {
            (false, None) => Take::First,
            (true, None) => Take::All,
            (true, Some(text)) => Take::Joined(text),
            (false, Some(_)) => {
                let message = format!("the field {path:?} has \"join\", but takes only the first match");
                self.fault(&path, message, "add all = true, or leave join out");
                return None;
            }
        };
        let field = Field { name, select: long.select, attr: long.attr, take, required: long.required };
        self.check_field(&path, &field);
        Some(field)
    }

    /// Complains about what does not go with the kind of its selector.
    fn check_field(&mut self, path: &str, field: &Field) {
        let Ok(selector) = Selector::parse(&field.select) else { return };
        if field.attr.is_some() && !matches!(selector.source(), Source::Css(_)) {
            let message = format!("the field {path:?} has \"attr\", but its selector finds no elements");
            self.fault(&format!("{path}.attr"), message, "leave attr out, or use a CSS selector");
        }
        if field.required && !selector.reads_page() {
            let message = format!("the field {path:?} is required, but it is not read from the page");
            let help = "leave required out: it says what a real page has, and meta: and const: are the same on each";
            self.fault(&format!("{path}.required"), message, help);
        }
    }

    /// Complains about a stage whose pages can never be told from others: nothing is read from them.
    fn check_that_something_is_read(&mut self, path: &str, fields: &[Field]) {
        let reads = |field: &Field| Selector::parse(&field.select).is_ok_and(|selector| selector.reads_page());
        if !fields.iter().any(reads) {
            let message = format!("{path:?} reads nothing from its pages, so none can prove to be a real one");
            self.fault(path, message, "set expect to a selector of what a real page has, or to \"none\"");
        }
    }

    /// Complains about a stage that does not exist.
    pub(super) fn known_stage(&mut self, path: &str, stage: &str, names: &[String]) -> bool {
        if names.iter().any(|name| name == stage) {
            return true;
        }
        if !names.is_empty() && !self.is_broken(&format!("stage.{stage}")) {
            let help = suggestion(stage, names.iter().map(String::as_str))
                .unwrap_or_else(|| format!("the stages are {}", names.join(", ")));
            self.fault(path, format!("unknown stage {stage:?}"), help);
        }
        false
    }

    /// The stage of the start URLs: the given one, or the only one.
    pub(super) fn start_stage(&mut self, given: String, stages: &[Stage]) -> String {
        let names: Vec<String> = stages.iter().map(|stage| stage.name.clone()).collect();
        if !given.is_empty() {
            self.known_stage("crawl.start_stage", &given, &names);
            return given;
        }
        match stages {
            [] => String::new(),
            [only] => only.name.clone(),
            [first, ..] => {
                if !self.is_broken("crawl.start_stage") {
                    let help = format!("for example start_stage = {:?} in [crawl]", first.name);
                    let message = "there are several stages, and crawl.start_stage does not say where to start";
                    self.fault("crawl", message, help);
                }
                first.name.clone()
            }
        }
    }
}
