//! The start URLs of a config beside those that a store has read: which were taken out, which came back, and where to go on.
//!
//! In come the list and a look at the store, out goes where they differ. The list is read through only if its beginning is not
//! what it was, and then what is held is the fingerprints of the start URLs in the store, 8 bytes and a little for each.

use std::collections::HashSet;

use url::Url;

use super::ResumeError;
use super::meaning::Meaning;
use crate::address::{StartMark, Starts};
use crate::config::Settings;
use crate::frontier::fingerprint::{Fingerprint, Fingerprinter};
use crate::frontier::sqlite::Survey;
use crate::task::{Request, StageId};
use crate::telemetry::url_shown;

/// Under this kind the store keeps the fingerprints of start URLs that were taken out, so that they are named once only.
pub(super) const REMOVED: &str = "start-removed";

/// Start URLs that are named when they were taken out.
const NAMED: usize = 3;

/// How the list stands to what was read of it.
#[derive(Debug, Default)]
pub(super) struct StartList {
    /// The list, opened where it was left, or at its beginning if that is not what it was: it may be long.
    pub(super) opened: Option<Starts>,
    /// It does not begin as it did.
    pub(super) is_other: bool,
    /// What is left to read is known to be so much.
    pub(super) unread: Option<u64>,
    /// Taken out since.
    pub(super) removed: HashSet<Fingerprint>,
    /// The first of those, as they may be shown.
    pub(super) first: Vec<String>,
    /// Taken out earlier, and in it again.
    pub(super) returned: HashSet<Fingerprint>,
    /// All that were read and not taken out are among so many first ones.
    pub(super) within: u64,
}

impl StartList {
    /// The list of a run of which nothing was read yet.
    pub(super) fn unread() -> Self {
        Self::default()
    }

    /// Holds the list against the store; `before` is what the run was begun with, `now` what it is to go on with.
    pub(super) fn compare(
        settings: &Settings,
        fingerprints: &Fingerprinter,
        survey: &Survey,
        before: &Meaning,
        now: &Meaning,
    ) -> Result<Self, ResumeError> {
        let mark = survey.mark();
        let starts = Starts::open_at(&settings.crawl, mark).map_err(ResumeError::Starts)?;
        let is_other = starts.mark() != mark;
        let (unread, within) = (starts.unread(), before.starts_within);
        let list = Self { opened: Some(starts), is_other, unread, within, ..Self::default() };
        let same_pages = before.start_stage == now.start_stage && before.drop_params == now.drop_params;
        if !is_other && same_pages && mark.read >= before.starts_within {
            return Ok(list);
        }
        list.read_through(settings, fingerprints, survey)
    }

    fn read_through(
        mut self,
        settings: &Settings,
        fingerprints: &Fingerprinter,
        survey: &Survey,
    ) -> Result<Self, ResumeError> {
        let before = removed_before(survey)?;
        let mut missing = HashSet::new();
        survey.starts(|start, _| _ = missing.insert(start))?;
        let mut starts = Starts::open_at(&settings.crawl, StartMark::default()).map_err(ResumeError::Starts)?;
        self.within = 0;
        while !missing.is_empty()
            && let Some(start) = starts.next()
        {
            let start = start.map_err(ResumeError::Starts)?;
            let stage = start.stage.as_deref().unwrap_or(&settings.crawl.start_stage);
            let Some(stage) = stage_id(settings, stage) else { continue };
            let fingerprint = fingerprints.of(stage, &Request::get(start.url));
            if missing.remove(&fingerprint) {
                self.within = starts.mark().read;
                if before.contains(&fingerprint) {
                    self.returned.insert(fingerprint);
                }
            }
        }
        missing.retain(|start| !before.contains(start));
        survey.starts(|start, url| {
            if self.first.len() < NAMED && missing.contains(&start) {
                self.first.push(Url::parse(url).map_or_else(|_| "…".to_owned(), |url| url_shown(&url)));
            }
        })?;
        self.removed = missing;
        Ok(self)
    }
}

fn stage_id(settings: &Settings, name: &str) -> Option<StageId> {
    let at = settings.stages.iter().position(|stage| stage.name == name)?;
    u16::try_from(at).ok().map(StageId)
}

fn removed_before(survey: &Survey) -> Result<HashSet<Fingerprint>, ResumeError> {
    let kept = survey.kept(REMOVED)?;
    let numbers = kept.iter().filter_map(|(key, _)| u64::from_str_radix(key, 16).ok());
    Ok(numbers.map(Fingerprint).collect())
}
