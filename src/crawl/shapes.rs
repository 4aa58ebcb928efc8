//! The fields that records were made with: a stage may have got others since.
//!
//! A record has its values in the order of its recipe, without names. Here is kept from which record on a stage had which fields,
//! and older records are brought into the order of today: a field that they have not is null, one that is gone is left out.

use std::collections::BTreeMap;
use std::sync::Arc;

use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::config::Stage;
use crate::frontier::sqlite::Survey;
use crate::frontier::{FrontierError, Kept};
use crate::record::{Record, Seq, StoredRecord};
use crate::task::StageId;

/// Under this kind the store keeps them, by the stage's name.
const KIND: &str = "fields";

/// From which record on a stage had which fields.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
struct Shape {
    from: u64,
    fields: Vec<String>,
}

/// The fields of every stage, now and before.
#[derive(Clone, Debug, Default)]
pub struct Shapes(BTreeMap<String, Vec<Shape>>);

impl Shapes {
    /// Those of a store.
    ///
    /// # Errors
    /// Those of the store.
    pub fn of(survey: &Survey) -> Result<Self, FrontierError> {
        let kept = survey.kept(KIND)?;
        let read = |(stage, value): (String, Vec<u8>)| Some((stage, serde_json::from_slice(&value).ok()?));
        Ok(Self(kept.into_iter().filter_map(read).collect()))
    }

    /// Takes the fields of `stages` for those of all records after `through`; gives what is to be kept of that.
    pub fn go_on_with(&mut self, stages: &[Stage], through: Seq) -> Vec<Kept> {
        let mut kept = Vec::new();
        for stage in stages {
            let fields: Vec<String> = stage.fields.iter().map(|field| field.name.clone()).collect();
            let shapes = self.0.entry(stage.name.clone()).or_default();
            if shapes.last().is_some_and(|shape| shape.fields == fields) {
                continue;
            }
            shapes.push(Shape { from: through.0 + 1, fields });
            let value = serde_json::to_vec(shapes).unwrap_or_default();
            kept.push(Kept { kind: KIND.into(), key: stage.name.as_str().into(), value: Some(value.into()) });
        }
        kept
    }

    /// What brings records of `stages`, which are today's, into today's order.
    pub fn fitting(&self, stages: &[Stage]) -> Fitting {
        let stages = (0..=u16::MAX).map(StageId).zip(stages);
        let changed = stages.filter_map(|(id, stage)| Some((id, steps(self.0.get(&stage.name)?, stage))));
        Fitting(changed.filter(|(_, steps)| !steps.is_empty()).collect())
    }
}

/// For records before `until`: where each of today's fields stood.
#[derive(Clone, Debug)]
struct Step {
    until: Seq,
    places: Vec<Option<usize>>,
}

fn steps(shapes: &[Shape], stage: &Stage) -> Vec<Step> {
    let step = |pair: &[Shape]| {
        let [older, newer] = pair else { return None };
        let place = |name: &String| older.fields.iter().position(|field| field == name);
        let places = stage.fields.iter().map(|field| place(&field.name)).collect();
        Some(Step { until: Seq(newer.from), places })
    };
    shapes.windows(2).filter_map(step).collect()
}

/// Brings records into the order of today's fields.
#[derive(Clone, Debug, Default)]
pub struct Fitting(BTreeMap<StageId, Vec<Step>>);

impl Fitting {
    /// A record, in today's order.
    #[must_use]
    pub fn fit(&self, stored: StoredRecord) -> StoredRecord {
        let steps = self.0.get(&stored.record.stage);
        let Some(step) = steps.and_then(|steps| steps.iter().find(|step| stored.seq < step.until)) else {
            return stored;
        };
        let values = &stored.record.values;
        let value = |place: &Option<usize>| place.and_then(|at| values.get(at).cloned()).unwrap_or(Value::Null);
        let values = step.places.iter().map(value).collect();
        StoredRecord { seq: stored.seq, record: Arc::new(Record { values, ..Record::clone(&stored.record) }) }
    }
}
