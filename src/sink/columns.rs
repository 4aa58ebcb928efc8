//! Columns: which records a feed takes, and what stands in which place of a line.
//!
//! In come the feed's stages and meta columns, and a record; out go its cells, named and in order: meta columns as the feed
//! lists them, then the fields as the recipe lists them. How a cell is written is the format's business.

use std::borrow::Cow;
use std::sync::Arc;

use serde::{Serialize, Serializer};
use serde_json::Value;
use siphasher::sip128::SipHasher13;

use crate::config::MetaColumn;
use crate::extract::Stage;
use crate::record::Record;
use crate::task::StageId;

/// The columns of a feed.
#[derive(Clone, Debug)]
pub(super) struct Columns {
    meta: Vec<MetaColumn>,
    stages: Vec<Fields>,
}

/// What the records of one stage bring.
#[derive(Clone, Debug)]
struct Fields {
    stage: StageId,
    stage_name: Arc<str>,
    names: Vec<Arc<str>>,
}

/// A record as a line of a feed.
#[derive(Clone, Copy, Debug)]
pub(super) struct Row<'a> {
    meta: &'a [MetaColumn],
    fields: &'a Fields,
    record: &'a Record,
}

/// What stands in one place of a line.
#[derive(Clone, Debug)]
pub(super) enum Cell<'a> {
    /// Nothing is known.
    Null,
    /// Text about the page.
    Text(Cow<'a, str>),
    /// A number about the page.
    Number(u32),
    /// A field's value.
    Value(&'a Value),
}

impl Columns {
    /// The columns of a feed that takes the records of these stages.
    pub(super) fn new<'a>(meta: &[MetaColumn], stages: impl IntoIterator<Item = &'a Stage>) -> Self {
        let fields = |stage: &Stage| Fields {
            stage: stage.id(),
            stage_name: Arc::clone(stage.name()),
            names: stage.field_names().to_vec(),
        };
        Self { meta: meta.to_vec(), stages: stages.into_iter().map(fields).collect() }
    }

    /// The names of all columns, in order; of several stages, one after the other.
    pub(super) fn header(&self) -> impl Iterator<Item = &str> {
        let fields = self.stages.iter().flat_map(|stage| stage.names.iter().map(|name| &**name));
        self.meta.iter().map(|column| column.as_str()).chain(fields)
    }

    /// A number for the columns and for how they are written, the same in every process: rows under another one differ.
    pub(super) fn digest(&self, written: &str) -> u128 {
        let meta: Vec<_> = self.meta.iter().map(|column| column.as_str()).collect();
        let stages: Vec<_> = self.stages.iter().map(|stage| (&*stage.stage_name, &stage.names)).collect();
        let text = serde_json::json!([written, meta, stages]).to_string();
        SipHasher13::new().hash(text.as_bytes()).as_u128()
    }

    /// The stages, each with its name and the names of all its columns.
    pub(super) fn tables(&self) -> impl Iterator<Item = (&str, Vec<&str>)> {
        self.stages.iter().map(|stage| {
            let meta = self.meta.iter().map(|column| column.as_str());
            (&*stage.stage_name, meta.chain(stage.names.iter().map(|name| &**name)).collect())
        })
    }

    /// A record as a line; `None` if the feed does not take records of its stage.
    pub(super) fn row<'a>(&'a self, record: &'a Record) -> Option<Row<'a>> {
        let fields = self.stages.iter().find(|fields| fields.stage == record.stage)?;
        debug_assert_eq!(fields.names.len(), record.values.len(), "a record has one value a field");
        Some(Row { meta: &self.meta, fields, record })
    }
}

impl<'a> Row<'a> {
    /// The name of the record's stage.
    pub(super) fn stage(self) -> &'a str {
        &self.fields.stage_name
    }

    /// The cells with the names of their columns.
    pub(super) fn cells(self) -> impl Iterator<Item = (&'a str, Cell<'a>)> {
        let meta = self.meta.iter().map(move |column| (column.as_str(), self.about(*column)));
        let names = self.fields.names.iter().map(|name| &**name);
        meta.chain(names.zip(self.record.values.iter().map(Cell::Value)))
    }

    fn about(self, column: MetaColumn) -> Cell<'a> {
        let page = &*self.record.provenance;
        match column {
            MetaColumn::Url => Cell::text(&page.url),
            MetaColumn::Stage => Cell::text(&self.fields.stage_name),
            MetaColumn::FetchedAt => Cell::Text(page.fetched_at.rfc3339().into()),
            MetaColumn::Proxy => Cell::text(&page.proxy),
            MetaColumn::Status => Cell::Number(page.status.into()),
            MetaColumn::Attempts => Cell::Number(page.attempts),
            MetaColumn::Referrer => page.referrer.as_deref().map_or(Cell::Null, Cell::text),
            MetaColumn::StartUrl => Cell::text(&page.start_url),
        }
    }
}

impl<'a> Cell<'a> {
    fn text(text: &'a str) -> Self {
        Self::Text(text.into())
    }
}

impl Serialize for Row<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_map(self.cells())
    }
}

impl Serialize for Cell<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self {
            Self::Null => serializer.serialize_unit(),
            Self::Text(text) => serializer.serialize_str(text),
            Self::Number(number) => serializer.serialize_u32(*number),
            Self::Value(value) => value.serialize(serializer),
        }
    }
}
