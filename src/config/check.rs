//! One layer against the schema: keys, types, units, selectors, templates, `${ENV}`.
//!
//! A tree comes in, the part of it that is right goes out, everything else becomes a problem. What holds between settings is
//! checked later, when the layers are merged.

use std::collections::{BTreeMap, BTreeSet};

use config::{Value, ValueKind};

use super::interpolate::{Environment, Reading, Unfilled, fill};
use super::layer::{Tree, value as value_at};
use super::origin::Origin;
use super::problem::{Problem, suggestion};
use super::schema::{Key, Names, RESERVED, ROOT, Shape, State};
use super::settings::MetaColumn;
use super::text;

/// What is known of all layers so far.
#[derive(Debug)]
pub(super) struct Checker<'a> {
    pub(super) environment: &'a Environment,
    /// What is wrong.
    pub(super) problems: Vec<Problem>,
    /// Where tables begin, by path: the merged tree forgets that.
    pub(super) tables: BTreeMap<String, Origin>,
    /// Paths of what was left out: nothing can be concluded from its absence.
    pub(super) broken: BTreeSet<String>,
    /// How texts were written that have `${ENV}` in them, by path: that is what may be shown.
    pub(super) written: BTreeMap<String, String>,
}

impl<'a> Checker<'a> {
    pub(super) fn new(environment: &'a Environment) -> Self {
        Self {
            environment,
            problems: Vec::new(),
            tables: BTreeMap::new(),
            broken: BTreeSet::new(),
            written: BTreeMap::new(),
        }
    }

    /// The part of a layer that is right.
    pub(super) fn layer(&mut self, tree: Tree) -> Tree {
        self.table("", tree, ROOT)
    }

    fn fault(&mut self, path: &str, place: Origin, message: String, help: impl Into<String>) {
        self.broken.insert(path.to_owned());
        self.problems.push(Problem::new(place, message, help));
    }

    fn table(&mut self, path: &str, tree: Tree, keys: &'static [Key]) -> Tree {
        let mut kept = Tree::new();
        for (name, item) in tree {
            let below = join(path, &name);
            let origin = Origin::of(&item).unwrap_or(Origin::Default);
            match keys.iter().find(|key| key.name == name).map(|key| key.state) {
                Some(State::Built(shape) | State::Required(shape)) => {
                    if let Some(item) = self.value(&below, item, &shape) {
                        kept.insert(name, item);
                    }
                }
                Some(State::Later(inner)) => self.not_built(&below, &item, origin, inner),
                None => {
                    let known = keys.iter().map(|key| key.name);
                    self.unknown(&below, origin, &name, known);
                }
            }
        }
        kept
    }

    fn unknown(&mut self, path: &str, origin: Origin, name: &str, known: impl Iterator<Item = &'static str> + Clone) {
        let help = suggestion(name, known.clone())
            .unwrap_or_else(|| format!("here may stand {}", known.collect::<Vec<_>>().join(", ")));
        self.fault(path, origin, format!("unknown key {path:?}"), help);
    }

    /// A section that is not built names those of its keys that the config has, and those that nobody will build.
    fn not_built(&mut self, path: &str, item: &Value, origin: Origin, keys: &'static [&'static str]) {
        let help = "leave it out: this version does without";
        match &item.kind {
            ValueKind::Table(table) if !keys.is_empty() && !table.is_empty() => {
                for (name, inner) in table {
                    let (below, at) = (join(path, name), Origin::of(inner).unwrap_or_else(|| origin.clone()));
                    if keys.contains(&name.as_str()) {
                        self.fault(&below, at, format!("{below:?} is not built yet"), help);
                    } else {
                        self.unknown(&below, at, name, keys.iter().copied());
                    }
                }
            }
            _ => self.fault(path, origin, format!("{path:?} is not built yet"), help),
        }
    }

    fn value(&mut self, path: &str, item: Value, shape: &Shape) -> Option<Value> {
        let origin = Origin::of(&item).unwrap_or(Origin::Default);
        match (shape, item.kind) {
            (Shape::Table(keys) | Shape::Field(keys), ValueKind::Table(tree)) => {
                self.begins(path, &origin);
                Some(value_at(&origin, self.table(path, tree, keys)))
            }
            (Shape::Field(_), kind @ ValueKind::String(_)) => {
                self.value(path, value_at(&origin, kind), &Shape::Selector)
            }
            (Shape::Named(names, inner), ValueKind::Table(tree)) => {
                self.begins(path, &origin);
                Some(value_at(&origin, self.named(path, tree, *names, inner)))
            }
            (Shape::Headers, ValueKind::Table(tree)) => Some(value_at(&origin, self.headers(path, tree))),
            (Shape::List(inner), ValueKind::Array(items)) => Some(value_at(&origin, self.list(path, items, inner))),
            (Shape::Hosts, ValueKind::Array(items)) => Some(value_at(&origin, self.list(path, items, &Shape::Host))),
            (shape, kind) => self.scalar(path, &origin, kind, shape),
        }
    }

    /// A table begins where the first layer above the defaults has it.
    fn begins(&mut self, path: &str, origin: &Origin) {
        let known = self.tables.entry(path.to_owned()).or_insert(Origin::Default);
        if *known == Origin::Default {
            *known = origin.clone();
        }
    }

    fn list(&mut self, above: &str, items: Vec<Value>, shape: &Shape) -> Vec<Value> {
        let below = format!("{above}.");
        self.written.retain(|written, _| !written.starts_with(&below));
        let mut kept = Vec::new();
        for (place, item) in items.into_iter().enumerate() {
            let path = join(above, &place.to_string());
            let origin = Origin::of(&item).unwrap_or(Origin::Default);
            let item = self.value(&path, item, shape);
            if let (Some(Value { kind: ValueKind::Table(table), .. }), Shape::Table(keys)) = (&item, shape) {
                self.required(&path, table, keys, &origin);
            }
            match item {
                Some(item) if !self.broken.contains(&path) => {
                    self.renumber(&path, &join(above, &kept.len().to_string()));
                    kept.push(item);
                }
                _ => _ = self.broken.insert(path),
            }
        }
        kept
    }

    /// What was written at an item follows it to the place that it has once those before it were left out.
    fn renumber(&mut self, from: &str, to: &str) {
        if from == to {
            return;
        }
        let below = |path: &str| path.strip_prefix(from).is_some_and(|rest| rest.is_empty() || rest.starts_with('.'));
        let moved: Vec<String> = self.written.keys().filter(|path| below(path)).cloned().collect();
        for path in moved {
            if let Some(text) = self.written.remove(&path) {
                self.written.insert(format!("{to}{}", &path[from.len()..]), text);
            }
        }
    }

    /// A table of a list comes whole, so it can be told at once what it lacks.
    fn required(&mut self, path: &str, table: &Tree, keys: &'static [Key], origin: &Origin) {
        let below = join(path, "");
        for key in keys {
            let missing = matches!(key.state, State::Required(_)) && !table.contains_key(key.name);
            // What is wrong, or not built yet, may be what was meant to stand in its place.
            if missing && !self.broken.iter().any(|broken| broken.starts_with(&below)) {
                let help = format!("add {} = …", key.name);
                self.fault(path, origin.clone(), format!("{path:?} has no {:?}", key.name), help);
            }
        }
    }

    fn named(&mut self, path: &str, tree: Tree, names: Names, shape: &Shape) -> Tree {
        let mut kept = Tree::new();
        for (name, item) in tree {
            let below = join(path, &name);
            let origin = Origin::of(&item).unwrap_or(Origin::Default);
            if name.is_empty() {
                self.fault(&below, origin, format!("an empty name in {path:?}"), "");
            } else if names == Names::Fields && RESERVED.contains(&name.as_str()) {
                let help = format!("move it above [{path}]; a field cannot be called {}", RESERVED.join(", "));
                self.fault(&below, origin, format!("{name:?} below [{path}] is a key of the stage"), help);
            } else if names == Names::Fields && MetaColumn::ALL.iter().any(|column| column.as_str() == name) {
                let help = "give it another name: feeds have a column of this name that is about the page";
                self.fault(&below, origin, format!("the field {below:?} is named like a meta column"), help);
            } else if let Some(item) = self.value(&below, item, shape) {
                kept.insert(name, item);
            }
        }
        kept
    }

    /// Header names do not depend on case: in lower case those of two layers are one.
    fn headers(&mut self, path: &str, tree: Tree) -> Tree {
        let mut kept = Tree::new();
        for (name, item) in tree {
            let below = join(path, &name.to_ascii_lowercase());
            let origin = Origin::of(&item).unwrap_or(Origin::Default);
            if !text::is_header_name(&name) {
                self.fault(&below, origin, format!("{name:?} is not the name of a header"), "");
                continue;
            }
            if let Some(help) = text::why_header_is_ours(&name) {
                self.fault(&below, origin, format!("the header {name:?} is not yours to set"), help);
                continue;
            }
            let Some(item) = self.value(&below, item, &Shape::Text) else { continue };
            match &item.kind {
                ValueKind::String(text) if text::is_header_value(text) => {
                    kept.insert(name.to_ascii_lowercase(), item);
                }
                _ => self.fault(&below, origin, format!("{below:?} holds what no header can hold"), text::HEADER_HELP),
            }
        }
        kept
    }

    fn scalar(&mut self, path: &str, origin: &Origin, kind: ValueKind, shape: &Shape) -> Option<Value> {
        let (kind, shown) = match kind {
            ValueKind::String(written) => (ValueKind::String(self.filled(path, origin, &written, shape)?), written),
            kind => (kind, String::new()),
        };
        match text::check(shape, kind) {
            Ok(kind) => Some(value_at(origin, kind)),
            Err(fault) => {
                let (message, help) = shape.complaint(path, &fault, &shown);
                self.fault(path, origin.clone(), message, help);
                None
            }
        }
    }

    fn filled(&mut self, path: &str, origin: &Origin, written: &str, shape: &Shape) -> Option<String> {
        let reading = match shape {
            Shape::Start | Shape::Proxy => Reading::Template,
            _ => Reading::Plain,
        };
        match fill(written, reading, self.environment) {
            Ok(filled) => {
                if filled == written {
                    self.written.remove(path);
                } else {
                    self.written.insert(path.to_owned(), written.to_owned());
                }
                Some(filled)
            }
            Err(unfilled) => {
                let help = match unfilled {
                    Unfilled::Unset(_) => "set it; a literal ${ is written $${",
                    Unfilled::Malformed => "a literal ${ is written $${",
                };
                self.fault(path, origin.clone(), format!("{path:?} {unfilled}"), help);
                None
            }
        }
    }
}

/// The path of a key in the table at `path`.
pub(super) fn join(path: &str, key: &str) -> String {
    if path.is_empty() { key.to_owned() } else { format!("{path}.{key}") }
}
