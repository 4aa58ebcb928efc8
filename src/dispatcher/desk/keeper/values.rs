//! How what is kept is written and read again.
//!
//! Pure. In come plain records and texts, out go small values and what they stand for. What cannot be read is nothing.

use std::sync::Arc;

use serde::Serialize;
use serde::de::DeserializeOwned;
use url::Url;

use crate::dispatcher::desk::bench::Venue;
use crate::frontier::Kept;
use crate::task::{HostKey, Meta, Request, StageId, Task, TaskId};
use crate::verdict::{Certainty, Reason, Verdict};

/// A testimony as it was, as far as it matters: whether it is a final word about the page.
pub(in crate::dispatcher::desk) fn verdict(name: &str, reason: Reason) -> Verdict {
    match name {
        "gone" => Verdict::Gone(Certainty::Doubtful, reason),
        "rejected" => Verdict::Rejected(Certainty::Doubtful, reason),
        "unusable" => Verdict::Unusable(reason),
        _ => Verdict::Doubtful(reason),
    }
}

/// A page that was done, as far as fetching it again takes.
pub(in crate::dispatcher::desk) fn control(id: TaskId, stage: StageId, url: Url) -> Task {
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

pub(in crate::dispatcher::desk) fn venue(place: &str) -> Option<Venue> {
    let (host, stage) = place.rsplit_once(' ')?;
    Some(Venue { host: HostKey(host.into()), stage: StageId(stage.parse().ok()?) })
}

pub(in crate::dispatcher::desk) fn put(kind: &str, key: impl Into<Arc<str>>, value: &impl Serialize) -> Kept {
    // Plain structs of numbers and texts always serialize; if one did not, forgetting it would be right.
    Kept { kind: kind.into(), key: key.into(), value: serde_json::to_vec(value).ok().map(Into::into) }
}

pub(in crate::dispatcher::desk) fn gone(kind: &str, key: impl Into<Arc<str>>) -> Kept {
    Kept { kind: kind.into(), key: key.into(), value: None }
}

pub(in crate::dispatcher::desk) fn read<T: DeserializeOwned>(value: &[u8]) -> Option<T> {
    serde_json::from_slice(value).ok()
}
