//! The layers of a config as trees of values, each value with its origin: TOML files, the environment, `--set`.
//!
//! Text comes in, trees for the `config` crate go out. Its own TOML format would forget lines and turn dates into text, so
//! files are read here. What the keys mean is not known here.

use config::{ConfigError, Map, Source, Value, ValueKind};
use toml::Spanned;
use toml::de::{DeTable, DeValue};

use super::origin::Origin;
use super::problem::Problem;

/// Keys and values in the order of the text.
pub(super) type Tree = Map<String, Value>;

/// A tree as the `config` crate merges it.
#[derive(Clone, Debug)]
pub(super) struct Layer(pub(super) Tree);

impl Source for Layer {
    fn clone_into_box(&self) -> Box<dyn Source + Send + Sync> {
        Box::new(self.clone())
    }

    fn collect(&self) -> Result<Tree, ConfigError> {
        Ok(self.0.clone())
    }
}

/// A value with its origin.
pub(super) fn value(origin: &Origin, kind: impl Into<ValueKind>) -> Value {
    Value::new(Some(&origin.to_string()), kind)
}

/// Reads a TOML text; `origin` makes a line number, from 1, an origin.
///
/// # Errors
/// Everything that is wrong with its syntax.
pub(super) fn parse(text: &str, origin: &dyn Fn(usize) -> Origin) -> Result<Tree, Vec<Problem>> {
    let text = text.trim_start_matches('\u{feff}');
    let starts: Vec<usize> = std::iter::once(0).chain(text.match_indices('\n').map(|(at, _)| at + 1)).collect();
    let at = |offset: usize| origin(starts.partition_point(|start| *start <= offset).max(1));
    let (table, errors) = DeTable::parse_recoverable(text);
    if !errors.is_empty() {
        return Err(syntax(text, &at, &errors));
    }
    let mut reader = Reader { at: &at, problems: Vec::new() };
    let tree = reader.table(table.get_ref());
    if reader.problems.is_empty() { Ok(tree) } else { Err(reader.problems) }
}

/// What is wrong with the syntax: of each line the first thing only, the rest mostly follows from it. Nothing of the text is
/// shown but keys: the line may hold a password.
fn syntax(text: &str, at: &dyn Fn(usize) -> Origin, errors: &[toml::de::Error]) -> Vec<Problem> {
    let mut problems: Vec<Problem> = Vec::new();
    for error in errors {
        let span = error.span().unwrap_or_default();
        let place = at(span.start).into();
        if problems.iter().any(|problem| problem.place == place) {
            continue;
        }
        // What the parser would rather have had is told in its own terms.
        let message = error.message().split(", expected ").next().unwrap_or_default();
        problems.push(match (message, text.get(span)) {
            ("duplicate key", Some(key)) => {
                Problem::new(place, format!("not TOML: duplicate key {key:?}"), "keep one of the two")
            }
            _ => {
                let help = "texts stand in quotes, lists in [ ], a table on one line in { }";
                Problem::new(place, format!("not TOML: {message}"), help)
            }
        });
    }
    problems
}

struct Reader<'a> {
    at: &'a dyn Fn(usize) -> Origin,
    problems: Vec<Problem>,
}

impl Reader<'_> {
    fn table(&mut self, table: &DeTable<'_>) -> Tree {
        let entries = table.iter().filter_map(|(key, node)| {
            let origin = (self.at)(key.span().start);
            Some((key.get_ref().to_string(), self.value(origin, node)?))
        });
        entries.collect()
    }

    fn value(&mut self, origin: Origin, node: &Spanned<DeValue<'_>>) -> Option<Value> {
        let kind = match node.get_ref() {
            DeValue::Array(items) => {
                let items = items.iter().filter_map(|item| self.value((self.at)(item.span().start), item));
                ValueKind::Array(items.collect())
            }
            DeValue::Table(table) => ValueKind::Table(self.table(table)),
            scalar => match scalar_kind(scalar) {
                Ok(kind) => kind,
                Err(fault) => {
                    self.problems.push(Problem::new(origin, fault.message(), fault.help()));
                    return None;
                }
            },
        };
        Some(value(&origin, kind))
    }
}

/// A scalar of TOML that no setting can have.
enum Misfit {
    Date(String),
    Number(String),
}

impl Misfit {
    fn message(&self) -> String {
        match self {
            Self::Date(text) => format!("no setting is a date: {text}"),
            Self::Number(text) => format!("no setting is so large: {text}"),
        }
    }

    const fn help(&self) -> &'static str {
        match self {
            Self::Date(_) => "put it in quotes",
            Self::Number(_) => "",
        }
    }
}

fn scalar_kind(scalar: &DeValue<'_>) -> Result<ValueKind, Misfit> {
    match scalar {
        DeValue::String(text) => Ok(ValueKind::String(text.to_string())),
        DeValue::Boolean(truth) => Ok(ValueKind::Boolean(*truth)),
        DeValue::Integer(number) => i64::from_str_radix(number.as_str(), number.radix())
            .map(ValueKind::I64)
            .map_err(|_| Misfit::Number(number.to_string())),
        DeValue::Float(number) => {
            number.as_str().parse().map(ValueKind::Float).map_err(|_| Misfit::Number(number.to_string()))
        }
        DeValue::Datetime(date) => Err(Misfit::Date(date.to_string())),
        DeValue::Array(_) | DeValue::Table(_) => Ok(ValueKind::Nil),
    }
}

/// One setting from the environment or the command line.
#[derive(Clone, Debug)]
pub(super) struct Assignment {
    origin: Origin,
    path: Vec<String>,
    value: Value,
}

impl Assignment {
    /// Reads `section.key=value`: the key as in TOML, the value as TOML or else as text.
    ///
    /// # Errors
    /// No `=`, or no key before it.
    pub(super) fn from_set(text: &str) -> Result<Self, Problem> {
        let fault = |message: &str| Problem::new(Origin::Set, message, "write --set section.key=value");
        let (key, value) = text.split_once('=').ok_or_else(|| fault("there is no = in its value"))?;
        let path = dotted(key).ok_or_else(|| fault("there is no key before its ="))?;
        Ok(Self { path, value: loose_value(&Origin::Set, value), origin: Origin::Set })
    }

    /// Reads a variable that begins with `BURDOCK__`; others are none of ours.
    pub(super) fn from_environment(variable: &str, value: &str) -> Option<Self> {
        let key = variable.strip_prefix("BURDOCK__")?;
        let origin = Origin::Environment(variable.to_owned());
        let path = key.split("__").map(str::to_lowercase).collect();
        Some(Self { path, value: loose_value(&origin, value), origin })
    }

    /// The layer that makes this setting in `current`. Items of an array are replaced in a copy of the array.
    ///
    /// # Errors
    /// An index past the end, or none where one is needed.
    pub(super) fn onto(self, current: &Value) -> Result<Tree, Problem> {
        match self.graft(&self.path, Some(current), "")?.kind {
            ValueKind::Table(tree) => Ok(tree),
            _ => Ok(Tree::new()),
        }
    }

    fn graft(&self, path: &[String], current: Option<&Value>, above: &str) -> Result<Value, Problem> {
        let Some((step, rest)) = path.split_first() else {
            return Ok(self.value.clone());
        };
        match current.map(|current| &current.kind) {
            Some(ValueKind::Array(items)) => {
                let Some(place) = step.parse().ok().filter(|place: &usize| *place < items.len()) else {
                    let message = format!("there is no item {step:?} in {above:?}: it has {}", items.len());
                    return Err(Problem::new(self.origin.clone(), message, "items are numbered from 0"));
                };
                let mut items = items.clone();
                let item = self.graft(rest, items.get(place), &format!("{above}.{step}"))?;
                if let Some(old) = items.get_mut(place) {
                    *old = merged(old, item);
                }
                Ok(value(&self.origin, items))
            }
            None if !above.is_empty() && step.parse::<usize>().is_ok() => {
                let message = format!("there is no item {step:?} in {above:?}: the config has none");
                Err(Problem::new(self.origin.clone(), message, "items are numbered from 0; add it to the config"))
            }
            below => {
                let table = if let Some(ValueKind::Table(table)) = below { Some(table) } else { None };
                let key = self.key_in(table, step);
                let next = table.and_then(|table| table.get(&key));
                let path = if above.is_empty() { key.clone() } else { format!("{above}.{key}") };
                let inner = self.graft(rest, next, &path)?;
                Ok(value(&self.origin, Tree::from_iter([(key, inner)])))
            }
        }
    }

    /// Variables are in capitals by custom, so for them the case of a name that is there already does not matter.
    fn key_in(&self, table: Option<&Tree>, step: &str) -> String {
        let Origin::Environment(_) = self.origin else { return step.to_owned() };
        let mut known = table.into_iter().flat_map(Tree::keys);
        known.find(|key| key.to_lowercase() == step).cloned().unwrap_or_else(|| step.to_owned())
    }
}

/// Tables merge key by key, as between layers; anything else is replaced.
fn merged(old: &Value, new: Value) -> Value {
    let (ValueKind::Table(before), ValueKind::Table(after)) = (&old.kind, &new.kind) else { return new };
    let mut table = before.clone();
    for (key, item) in after {
        let item = before.get(key).map_or_else(|| item.clone(), |old| merged(old, item.clone()));
        table.insert(key.clone(), item);
    }
    value(&Origin::of(old).unwrap_or(Origin::Default), table)
}

fn dotted(key: &str) -> Option<Vec<String>> {
    let text = format!("{key} = 0");
    let table = DeTable::parse(&text).ok()?;
    let (mut table, mut path) = (table.get_ref(), Vec::new());
    loop {
        let mut entries = table.iter();
        let (key, node) = entries.next().filter(|_| entries.len() == 0)?;
        path.push(key.get_ref().to_string());
        match node.get_ref() {
            DeValue::Table(inner) => table = inner,
            _ => return Some(path),
        }
    }
}

fn loose_value(origin: &Origin, text: &str) -> Value {
    let line = |_: usize| origin.clone();
    let parsed = DeValue::parse(text.trim()).ok().and_then(|node| {
        let mut reader = Reader { at: &line, problems: Vec::new() };
        reader.value(origin.clone(), &node).filter(|_| reader.problems.is_empty())
    });
    parsed.unwrap_or_else(|| value(origin, text.trim()))
}
