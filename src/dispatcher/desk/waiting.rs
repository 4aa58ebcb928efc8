//! Waiting: for whom suspect pages wait, found by proxy, so that an event concerns only the pages that it can change.
//!
//! Pure bookkeeping. Pages that wait for less than trusted proxies are *poor*: any proxy that becomes free may be better for them.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use crate::proxy::ProxyId;
use crate::task::TaskId;

/// Who waits for whom.
#[derive(Debug, Default)]
pub(super) struct Waiting {
    hopes: HashMap<TaskId, Option<ProxyId>>,
    by_proxy: BTreeMap<ProxyId, BTreeSet<TaskId>>,
    poor: BTreeSet<TaskId>,
    next: TaskId,
}

/// What a page could gain by a proxy that becomes free.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Prospect {
    /// Nothing: it waits for trusted proxies, or for words that are on their way.
    Good,
    /// Somebody better to ask.
    Poor,
}

impl Waiting {
    /// A page waits for this proxy, or for nobody whose name is known.
    pub(super) fn set(&mut self, page: TaskId, hope: Option<ProxyId>, prospect: Prospect) {
        self.forget(page);
        self.hopes.insert(page, hope);
        if let Some(proxy) = hope {
            self.by_proxy.entry(proxy).or_default().insert(page);
        }
        if prospect == Prospect::Poor {
            self.poor.insert(page);
        }
    }

    /// A page waits no longer.
    pub(super) fn forget(&mut self, page: TaskId) {
        self.poor.remove(&page);
        let Some(Some(proxy)) = self.hopes.remove(&page) else { return };
        if let Some(pages) = self.by_proxy.get_mut(&proxy) {
            pages.remove(&page);
            if pages.is_empty() {
                self.by_proxy.remove(&proxy);
            }
        }
    }

    /// The pages that wait for a proxy.
    pub(super) fn on(&self, proxy: ProxyId) -> impl Iterator<Item = TaskId> {
        self.by_proxy.get(&proxy).into_iter().flatten().copied()
    }

    /// Some of the poor pages, each time others.
    pub(super) fn some_poor(&mut self, n: usize) -> Vec<TaskId> {
        let turn = self.poor.range(self.next..).chain(self.poor.range(..self.next));
        let pages: Vec<TaskId> = turn.take(n).copied().collect();
        self.next = pages.last().map_or(self.next, |last| TaskId(last.0.wrapping_add(1)));
        pages
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn poor_pages_take_turns_and_none_comes_twice_at_once() {
        let mut waiting = Waiting::default();
        for page in 1..=5 {
            waiting.set(TaskId(page), None, Prospect::Poor);
        }
        let mut some = |n| waiting.some_poor(n).into_iter().map(|page| page.0).collect::<Vec<_>>();
        assert_eq!(some(3), [1, 2, 3]);
        assert_eq!(some(3), [4, 5, 1]);
        assert_eq!(some(9), [2, 3, 4, 5, 1]);
    }

    #[test]
    fn a_page_waits_for_one_proxy_at_a_time() {
        let mut waiting = Waiting::default();
        waiting.set(TaskId(1), Some(ProxyId(1)), Prospect::Good);
        waiting.set(TaskId(1), Some(ProxyId(2)), Prospect::Good);
        assert_eq!(waiting.on(ProxyId(1)).count(), 0);
        assert_eq!(waiting.on(ProxyId(2)).collect::<Vec<_>>(), [TaskId(1)]);
        waiting.forget(TaskId(1));
        assert_eq!(waiting.on(ProxyId(2)).count() + waiting.some_poor(9).len(), 0);
    }
}
