//! What a store says of its run: what it was begun with, and how much of each stage there is.
//!
//! In comes a look at the store, out go a meaning and counts. What they are compared with is not known here.

use std::collections::BTreeMap;

use super::ResumeError;
use super::change::Holds;
use super::meaning::Meaning;
use crate::config::Settings;
use crate::frontier::sqlite::Survey;

/// Under this kind and key the store keeps what the run was begun with.
pub(super) const CONFIG: (&str, &str) = ("config", "meaning");

/// What the run was begun with, or gone on with last.
pub(super) fn begun_with(survey: &Survey) -> Result<Option<Meaning>, ResumeError> {
    let kept = survey.kept(CONFIG.0)?;
    let meaning = kept.into_iter().find(|(key, _)| key == CONFIG.1);
    meaning.map(|(_, value)| serde_json::from_slice(&value)).transpose().map_err(ResumeError::Garbled)
}

/// How much there is of each stage of the store.
pub(super) fn holds(settings: &Settings, survey: &Survey) -> Result<BTreeMap<String, Holds>, ResumeError> {
    let mut holds = BTreeMap::new();
    for name in survey.stages()? {
        let listed = settings.stages.iter().any(|stage| stage.name == name);
        let left = if listed { 0 } else { survey.left(&name)? };
        holds.insert(name.clone(), Holds { done: survey.done(&name)?, left });
    }
    Ok(holds)
}
