//! Extracted data on its way from a page to the feeds.
//!
//! Made by the extraction, committed by the frontier with their page, written by the sink. Plain words that those three share;
//! none of them is known here.

use std::sync::Arc;

use serde_json::Value;

use crate::clock::Timestamp;
use crate::task::{StageId, TaskId};

/// A record's place in the store's order; feeds remember how far they are by it. The first record has 1.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Seq(pub u64);

/// Where a page's records come from: what the `meta` columns of a feed show.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Provenance {
    /// The task's address.
    pub url: Arc<str>,
    /// When the answer was complete.
    pub fetched_at: Timestamp,
    /// The label of the proxy that it came through; `direct` without one.
    pub proxy: Arc<str>,
    /// The HTTP status.
    pub status: u16,
    /// The attempt that succeeded, from 1.
    pub attempts: u32,
    /// The page that linked it.
    pub referrer: Option<Arc<str>>,
    /// The start URL that it descends from.
    pub start_url: Arc<str>,
}

/// One record. Its key, once and for all, is (task, index).
#[derive(Clone, Debug, PartialEq)]
pub struct Record {
    /// The task whose page it came from.
    pub task: TaskId,
    /// Its place among the page's records, from 0.
    pub index: u32,
    /// The stage whose fields it has.
    pub stage: StageId,
    /// Where it comes from.
    pub provenance: Arc<Provenance>,
    /// One value a field, in the order of the recipe.
    pub values: Vec<Value>,
}

impl Record {
    /// Bytes that it is taken to weigh while it waits for the feeds: the text in it, and a little for each value.
    pub fn weight(&self) -> u64 {
        fn of(value: &Value) -> usize {
            match value {
                Value::String(text) => text.len() + 8,
                Value::Array(items) => items.iter().map(of).sum::<usize>() + 8,
                Value::Object(map) => map.iter().map(|(key, value)| key.len() + of(value)).sum::<usize>() + 8,
                Value::Null | Value::Bool(_) | Value::Number(_) => 8,
            }
        }
        let weight = self.provenance.url.len() + self.values.iter().map(of).sum::<usize>();
        u64::try_from(weight).unwrap_or(u64::MAX)
    }
}

/// A record that is committed.
#[derive(Clone, Debug, PartialEq)]
pub struct StoredRecord {
    /// Its place in the store's order.
    pub seq: Seq,
    /// The record.
    pub record: Arc<Record>,
}
