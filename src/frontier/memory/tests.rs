//! The frontier in memory, held against the suite. It does not outlive a process: its next process is the same one.

use super::MemoryFrontier;
use crate::frontier::conformance::{Backend, End, List, fingerprints, suite};
use crate::frontier::{Frontier, Stats};

struct Memory;

impl Backend for Memory {
    type Store = MemoryFrontier;

    fn open(&mut self, seeds: List) -> MemoryFrontier {
        MemoryFrontier::new(fingerprints(), Box::new(seeds))
    }

    fn reopen(&mut self, mut store: MemoryFrontier, _end: End, seeds: List) -> MemoryFrontier {
        store.seeds = Box::new(seeds.from(store.seeds.mark()));
        store.stats.unread = store.seeds.unread();
        store
    }

    fn sabotage(&mut self, _store: &mut MemoryFrontier, _n: u32) -> bool {
        false
    }

    fn mend(&mut self, _store: &mut MemoryFrontier) {}

    fn count(&self, store: &MemoryFrontier) -> Stats {
        let live = store.live.values();
        let leased = live.filter(|entry| entry.lease.is_some()).count() as u64;
        let (delayed, quarantined) = (store.delayed.len() as u64, store.quarantine.len() as u64);
        let ready = store.live.len() as u64 - leased - delayed - quarantined;
        Stats {
            found: store.known.len() as u64,
            ready,
            delayed,
            leased,
            quarantined,
            dead: store.dead.len() as u64,
            ..store.stats()
        }
    }
}

impl MemoryFrontier {
    /// As a frontier that was opened anew: the first host has its turn.
    pub(in crate::frontier) fn start_anywhere(&mut self) {
        self.ready.start_anywhere();
    }
}

suite!(Memory);
