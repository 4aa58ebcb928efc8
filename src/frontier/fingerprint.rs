//! Fingerprints: a task's identity in 8 bytes.
//!
//! In come stage and request, out goes a number that is the same for the same page, under the key of the run. Which pages are known
//! is the frontier's to know.

use std::hash::Hasher;
use std::sync::Arc;

use siphasher::sip::SipHasher13;

use crate::task::{Request, StageId};

/// The identity of (stage, method, canonical URL, body), keyed per run, so that nobody can make two pages collide on purpose.
/// Two tasks of 10 million share one by chance with a probability of 3 in a million.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Fingerprint(pub u64);

/// Makes the fingerprints of one run.
#[derive(Clone, Debug)]
pub struct Fingerprinter {
    key: [u8; 16],
    stages: Vec<Arc<str>>,
}

impl Fingerprinter {
    /// With the run's key and the names of its stages: names, since their order may change between two starts.
    pub fn new(key: [u8; 16], stages: Vec<Arc<str>>) -> Self {
        Self { key, stages }
    }

    /// The names of the stages, in the order of their numbers.
    pub fn stages(&self) -> &[Arc<str>] {
        &self.stages
    }

    /// A number that tells whether fingerprints were made with the same key.
    pub fn identity(&self) -> u64 {
        SipHasher13::new_with_key(&self.key).finish()
    }

    /// The fingerprint of one task.
    pub fn of(&self, stage: StageId, request: &Request) -> Fingerprint {
        let mut hasher = SipHasher13::new_with_key(&self.key);
        let name = self.stages.get(usize::from(stage.0)).map_or("", |name| name);
        for part in [name, request.method.as_str(), request.url.as_str(), request.body.as_deref().unwrap_or_default()] {
            hasher.write(part.as_bytes());
            hasher.write_u8(0xff);
        }
        Fingerprint(hasher.finish())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::task::Method;

    #[test]
    fn stage_method_address_and_body_tell_tasks_apart() {
        let fingerprints = Fingerprinter::new([7; 16], vec!["list".into(), "detail".into()]);
        let get = |url: &str| Request::get(url.parse().expect("a URL"));
        let post = |body: &str| Request { method: Method::Post, body: Some(body.into()), ..get("http://a.test/1") };
        let one = fingerprints.of(StageId(0), &get("http://a.test/1"));
        assert_eq!(one, fingerprints.of(StageId(0), &get("http://a.test/1")));
        assert_ne!(one, fingerprints.of(StageId(1), &get("http://a.test/1")));
        assert_ne!(one, fingerprints.of(StageId(0), &get("http://a.test/2")));
        assert_ne!(one, fingerprints.of(StageId(0), &post("")));
        assert_ne!(fingerprints.of(StageId(0), &post("a=1")), fingerprints.of(StageId(0), &post("a=2")));
        assert_ne!(one, Fingerprinter::new([8; 16], vec!["list".into()]).of(StageId(0), &get("http://a.test/1")));
    }
}
