//! Any history of calls, crashes and restarts looks the same as it does in memory.

use proptest::prelude::*;

use super::fixture::{Backend, End, List, View, again, at, end, fingerprints, page};
use crate::frontier::memory::MemoryFrontier;
use crate::frontier::{Batch, Claimed, DeadFilter, Fate, Frontier, FrontierError};
use crate::task::HostKey;
use crate::verdict::Reason;

/// What happens to both.
#[derive(Clone, Debug)]
enum Step {
    Claim {
        n: usize,
        barred: Option<u8>,
    },
    Settle(Vec<(usize, Outcome)>),
    HandBack(Vec<usize>),
    Wait(u64),
    Retry,
    End(bool),
    /// The next call fails on the way, and is made again.
    Fail(u32),
}

#[derive(Clone, Debug)]
enum Outcome {
    Page(Vec<u8>),
    Again(u64),
    Dead,
    Gone,
    Stale,
}

fn steps() -> impl Strategy<Value = Vec<Step>> {
    let outcome = prop_oneof![
        4 => prop::collection::vec(0u8..40, 0..5).prop_map(Outcome::Page),
        2 => (0u64..20).prop_map(Outcome::Again),
        1 => Just(Outcome::Dead),
        1 => Just(Outcome::Gone),
        1 => Just(Outcome::Stale),
    ];
    let step = prop_oneof![
        6 => (0usize..6, prop::option::of(0u8..4)).prop_map(|(n, barred)| Step::Claim { n, barred }),
        6 => prop::collection::vec((0usize..8, outcome), 0..5).prop_map(Step::Settle),
        1 => prop::collection::vec(0usize..8, 0..3).prop_map(Step::HandBack),
        1 => (1u64..10).prop_map(Step::Wait),
        1 => Just(Step::Retry),
        2 => any::<bool>().prop_map(Step::End),
        4 => (1u32..600).prop_map(Step::Fail),
    ];
    prop::collection::vec(step, 1..50)
}

/// The same task under its two leases.
type Pair = (Claimed, Claimed);

/// A frontier, the one in memory, and what both have given out.
struct Twins<'a, B: Backend> {
    backend: &'a mut B,
    list: List,
    store: B::Store,
    memory: MemoryFrontier,
    held: Vec<Pair>,
    stale: Vec<Pair>,
    now: u64,
    fail: Option<u32>,
    sent: Vec<crate::record::StoredRecord>,
}

impl<B: Backend> Twins<'_, B> {
    /// Makes a call, which may have to fail first.
    fn call<T>(&mut self, call: impl Fn(&mut B::Store) -> Result<T, FrontierError>) -> T {
        if let Some(n) = self.fail.take() {
            self.backend.sabotage(&mut self.store, n);
            let result = call(&mut self.store);
            self.backend.mend(&mut self.store);
            if let Ok(value) = result {
                return value;
            }
        }
        call(&mut self.store).unwrap()
    }

    fn claim(&mut self, n: usize, barred: Option<u8>) {
        let barred: Vec<HostKey> = barred.iter().map(|n| HostKey(format!("h{n}.test:80").into())).collect();
        let now = at(self.now);
        let ours = self.call(|store| store.claim(n, now, &barred));
        let theirs = self.memory.claim(n, at(self.now), &barred).unwrap();
        assert_eq!((ours.next_due, ours.stats), (theirs.next_due, theirs.stats));
        let text = |tasks: &[Claimed]| tasks.iter().map(|claimed| format!("{:?}", claimed.task)).collect::<Vec<_>>();
        assert_eq!(text(&ours.tasks), text(&theirs.tasks));
        self.held.extend(ours.tasks.into_iter().zip(theirs.tasks));
    }

    fn settle(&mut self, outcomes: &[(usize, Outcome)]) {
        let (mut ours, mut theirs) = (Vec::new(), Vec::new());
        for (pick, outcome) in outcomes {
            let from = if matches!(outcome, Outcome::Stale) { &mut self.stale } else { &mut self.held };
            if from.is_empty() {
                continue;
            }
            let pair = from.remove(pick % from.len());
            let fate = |claimed: &Claimed| match outcome {
                Outcome::Page(links) => {
                    let links: Vec<String> = links.iter().map(|n| format!("http://h{}.test/{n}", n % 4)).collect();
                    let mut page = page(claimed, &links.iter().map(String::as_str).collect::<Vec<_>>());
                    page.links
                        .iter_mut()
                        .for_each(|link| link.priority = i32::from(link.request.url.path().len() == 2));
                    page
                }
                Outcome::Again(wait) => again(claimed, self.now + wait),
                Outcome::Dead => end(claimed, Fate::Dead(Reason::new("status.503", "503"))),
                Outcome::Gone | Outcome::Stale => end(claimed, Fate::Gone(Reason::new("status.404", "404"))),
            };
            ours.push(fate(&pair.0));
            theirs.push(fate(&pair.1));
            self.stale.push(pair);
        }
        let now = at(self.now);
        let ours = self.call(|store| store.commit(&Batch::of_pages(&ours), now));
        let theirs = self.memory.commit(&Batch::of_pages(&theirs), at(self.now)).unwrap();
        assert_eq!((&ours.new_links, ours.through, ours.stats), (&theirs.new_links, theirs.through, theirs.stats));
        assert_eq!(ours.records, theirs.records);
        self.sent.extend(theirs.records);
    }

    fn hand_back(&mut self, picks: &[usize]) {
        for pick in picks {
            if self.held.is_empty() {
                return;
            }
            let (ours, theirs) = self.held.remove(pick % self.held.len());
            self.call(|store| store.hand_back(&[(ours.task.id, ours.epoch)]));
            self.memory.hand_back(&[(theirs.task.id, theirs.epoch)]).unwrap();
            self.stale.push((ours, theirs));
        }
    }

    fn step(mut self, step: Step) -> Self {
        match step {
            Step::Claim { n, barred } => self.claim(n, barred),
            Step::Settle(outcomes) => self.settle(&outcomes),
            Step::HandBack(picks) => self.hand_back(&picks),
            Step::Wait(secs) => self.now += secs,
            Step::Fail(n) => self.fail = Some(n),
            Step::Retry => {
                let all = DeadFilter::default();
                assert_eq!(self.call(|store| store.retry(&all)), self.memory.retry(&all).unwrap());
            }
            Step::End(orderly) => {
                let end = if orderly { End::Orderly } else { End::Killed };
                self.store = self.backend.reopen(self.store, end, self.list.clone());
                assert_eq!(self.call(Frontier::recover), self.memory.recover().unwrap());
                self.memory.start_anywhere();
                self.stale.append(&mut self.held);
            }
        }
        self
    }

    fn compare(&self) {
        assert_eq!(View::of(&self.store).text(), View::of(&self.memory).text());
        assert_eq!(self.backend.count(&self.store), self.store.stats());
        if let Some(records) = self.backend.records(&self.store) {
            assert_eq!(records, self.sent);
        }
    }
}

/// Plays random histories on a frontier and on the one in memory.
pub(crate) fn any_history_is_as_in_memory<B: Backend>(new: impl Fn() -> B) {
    let config = ProptestConfig { cases: 48, failure_persistence: None, ..ProptestConfig::default() };
    proptest!(config, |(steps in steps())| {
        let urls: Vec<String> = (30..50).map(|n| format!("http://h{}.test/{n}", n % 5)).collect();
        let list = List::of(&urls.iter().map(String::as_str).collect::<Vec<_>>());
        let mut backend = new();
        let store = backend.open(list.clone());
        let memory = MemoryFrontier::new(fingerprints(), Box::new(list.clone()));
        let (held, stale, sent) = (Vec::new(), Vec::new(), Vec::new());
        let mut twins = Twins { backend: &mut backend, list, store, memory, held, stale, now: 0, fail: None, sent };
        for step in steps {
            twins = twins.step(step);
            twins.compare();
        }
    });
}
