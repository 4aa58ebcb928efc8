//! Records: what is kept, as it is written down.
//!
//! Plain structs, and the way from them to what the Desk knows and back. When they are written is the keeper's business.

use std::sync::Arc;

use serde::{Deserialize, Serialize, de::DeserializeOwned};
use url::Url;

use crate::dispatcher::desk::bench::{Bench, Venue};
use crate::frontier::Kept;
use crate::proxy::health::HealthRecord;
use crate::task::{HostKey, Meta, Request, StageId, Task, TaskId};
use crate::verdict::{Certainty, Reason, Verdict};

/// What is kept of a proxy.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct ProxyRecord {
    pub(super) health: HealthRecord,
    /// In microseconds since the Unix epoch.
    pub(super) rests_until: Option<u64>,
}

/// What is kept of a venue.
#[derive(Debug, Serialize, Deserialize)]
pub(super) struct VenueRecord {
    pub(super) done: u64,
    pub(super) condemned: u64,
    /// Pages that were done, by number and address: what proxies prove themselves by.
    pub(super) controls: Vec<(u64, String)>,
}

/// What is kept of what was said against a page.
#[derive(Debug, Serialize, Deserialize)]
pub(super) struct TrialRecord {
    pub(super) condemned_at: Option<f64>,
    pub(super) testimonies: Vec<TestimonyRecord>,
}

/// One word of it.
#[derive(Debug, Serialize, Deserialize)]
pub(super) struct TestimonyRecord {
    pub(super) proxy: Arc<str>,
    pub(super) host: Arc<str>,
    pub(super) stage: u16,
    pub(super) verdict: String,
    pub(super) code: String,
    pub(super) detail: String,
    pub(super) trusted: bool,
    pub(super) entered: bool,
}

impl VenueRecord {
    pub(super) fn of(bench: &Bench) -> Self {
        let controls = bench.controls().map(|(id, url)| (id.0, url.as_str().to_owned())).collect();
        Self { done: bench.done, condemned: bench.condemned, controls }
    }
}

/// A testimony as it was, as far as it matters: whether it is a final word about the page.
pub(super) fn verdict(name: &str, reason: Reason) -> Verdict {
    match name {
        "gone" => Verdict::Gone(Certainty::Doubtful, reason),
        "rejected" => Verdict::Rejected(Certainty::Doubtful, reason),
        "unusable" => Verdict::Unusable(reason),
        _ => Verdict::Doubtful(reason),
    }
}

/// A page that was done, as far as fetching it again takes.
pub(super) fn control(id: TaskId, stage: StageId, url: Url) -> Task {
    Task {
        id,
        stage,
        host: HostKey::of(&url),
        priority: 0,
        depth: 0,
        meta: Meta::default(),
        referrer: None,
        start_url: url.as_str().into(),
        attempts: 0,
        requests: 0,
        request: Request::get(url),
    }
}

/// The venue that is written so.
pub(super) fn venue(place: &str) -> Option<Venue> {
    let (host, stage) = place.rsplit_once(' ')?;
    Some(Venue { host: HostKey(host.into()), stage: StageId(stage.parse().ok()?) })
}

/// Something to be written.
pub(super) fn put(kind: &str, key: impl Into<Arc<str>>, value: &impl Serialize) -> Kept {
    // Plain structs of numbers and texts always serialize; if one did not, forgetting it would be right.
    Kept { kind: kind.into(), key: key.into(), value: serde_json::to_vec(value).ok().map(Into::into) }
}

/// Something to be forgotten.
pub(super) fn gone(kind: &str, key: impl Into<Arc<str>>) -> Kept {
    Kept { kind: kind.into(), key: key.into(), value: None }
}

/// What was written, if it can be read.
pub(super) fn read<T: DeserializeOwned>(value: &[u8]) -> Option<T> {
    serde_json::from_slice(value).ok()
}
