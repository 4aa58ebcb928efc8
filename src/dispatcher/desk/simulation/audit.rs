//! Audits of the Desk: what it keeps twice, so that an event costs little, says the same both ways; and nobody is idle who could work.
//!
//! In come a Desk and a store between two events; out goes what is wrong. Nothing is changed, and nothing is known here of how it
//! came to be.

use std::collections::BTreeSet;

use super::super::roster::{Hands, Stirred};
use super::super::trial::Testimony;
use super::super::{Desk, PER_WORKER, Place};
use crate::clock::Timestamp;
use crate::frontier::Frontier;
use crate::frontier::memory::MemoryFrontier;
use crate::pace::Permit;
use crate::protocol::WorkerId;
use crate::proxy::ProxyId;
use crate::proxy::pool::State;
use crate::task::TaskId;

/// What is kept twice and differs.
pub(super) fn contradictions(desk: &Desk) -> Vec<String> {
    let mut found = Vec::new();
    let mut expect = |holds: bool, what: &str| {
        if !holds {
            found.push(what.to_owned());
        }
    };
    let assigned: BTreeSet<_> = desk
        .held
        .iter()
        .filter_map(|(&id, held)| match held.place {
            Place::Assigned(worker) => Some((worker, id)),
            Place::Windowed => None,
        })
        .collect();
    expect(assigned == desk.assigned, "tasks that workers fetch");
    let holds_a_proxy = |worker| matches!(desk.roster.get(worker), Some(Hands::Holding(grip)) if grip.out > 0);
    expect(assigned.iter().all(|(worker, _)| holds_a_proxy(*worker)), "I4: a task with a worker that holds no proxy");
    let in_window = desk.window.fresh() + desk.window.suspects_waiting();
    // Of a robots.txt that several were asked for, one failure may wait for judgement while others are out.
    let in_suspense = desk.suspense.pages().into_iter().filter(|page| {
        !desk.window.has(*page) && desk.held.get(page).is_some_and(|held| held.place == Place::Windowed)
    });
    let waiting = in_window + desk.affinity.waiting() + desk.robots.pages_waiting() + in_suspense.count();
    expect(waiting + assigned.len() == desk.held.len(), "held tasks, and where they are");
    // Where the recipe is at fault, what was said against its pages is taken back, and the crawl stops.
    let mut suspects = desk.window.suspects().filter(|_| desk.phase.is_running());
    expect(suspects.all(|page| desk.trials.get(page).is_some()), "a suspect without a trial");
    let stragglers = desk.wrong_of_stragglers();
    expect(stragglers.is_none(), &stragglers.unwrap_or_default());
    pool(desk, &mut expect);
    debts(desk, &mut expect);
    found
}

fn pool(desk: &Desk, expect: &mut impl FnMut(bool, &str)) {
    let members = || desk.pool.iter();
    expect(
        desk.pool.usable() == members().filter(|(_, member)| member.usable()).count(),
        "how many proxies are usable",
    );
    let next = members().filter_map(|(_, member)| match member.state() {
        State::Cooling(until) => Some(until),
        _ => None,
    });
    expect(desk.pool.next_wake() == next.min(), "when the next proxy has rested");
    let spares: BTreeSet<ProxyId> = desk.pool.spares().map(|(proxy, _)| proxy).collect();
    let are_spare = members().filter(|(_, member)| member.state() == State::Spare).map(|(proxy, _)| proxy);
    expect(spares == are_spare.collect(), "which proxies are spare");
    let bound = members().filter_map(|(proxy, member)| match member.state() {
        State::Bound(worker) | State::Closing(worker, _) => Some((worker, proxy)),
        _ => None,
    });
    let bound: BTreeSet<_> = bound.collect();
    let held = desk.roster.ids().into_iter().filter_map(|worker| match desk.roster.get(worker) {
        Some(Hands::Holding(grip)) => Some((worker, grip.proxy.id)),
        _ => None,
    });
    expect(bound == held.collect(), "I3: who holds which proxy");
}

/// What proxies owe is what is said against pages, and has not been proven.
fn debts(desk: &Desk, expect: &mut impl FnMut(bool, &str)) {
    for proxy in desk.docket.debtors() {
        for venue in desk.docket.debts(proxy) {
            let Some(witness) = desk.docket.witness(proxy, venue) else {
                expect(false, "a debt at a venue that is not known");
                continue;
            };
            expect(!witness.owes.is_empty(), "a debt of nothing");
            let is_said = |page: &_| {
                let is_challenged =
                    || desk.held.get(page).is_some_and(|held| held.challenged.contains(&(proxy, venue.clone())));
                let is_pending = desk.trials.get(*page).is_some_and(|trial| trial.is_pending(proxy, venue));
                is_pending || is_challenged()
            };
            let mut unsaid = witness.owes.iter().filter(|page| !is_said(page));
            let unsaid = unsaid
                .next()
                .map(|page| format!("{proxy:?} owes {page:?} at {venue:?}, which nothing is said against"));
            expect(unsaid.is_none(), &unsaid.unwrap_or_default());
        }
    }
    let mut said = desk.trials.iter().flat_map(|(page, trial)| trial.pending().map(move |word| (page, word)));
    let owes = |page: TaskId, word: &Testimony| {
        desk.docket.witness(word.line, &word.venue).is_some_and(|witness| witness.owes.contains(&page))
    };
    let unowed = said.find(|(page, word)| !owes(*page, word));
    expect(unowed.is_none(), &format!("a word that waits for nothing: {unowed:?}"));
}

/// I8: a worker that is idle although there is a task that nobody has claimed and that may go to it.
pub(super) fn starving(desk: &mut Desk, store: &MemoryFrontier, now: Timestamp) -> Option<WorkerId> {
    let capacity = desk.limits.workers.max(1) * PER_WORKER as usize;
    let has_plenty = desk.window.suspects_waiting() >= 4 * capacity || desk.window.fresh() >= 16 * capacity;
    let may_claim = desk.phase.is_running() && !desk.intake.is_out() && store.stats().alone == 0 && !has_plenty;
    if !may_claim || desk.room.is_short() || desk.is_held_up() || desk.pages_are_spoken_for() {
        return None;
    }
    let is_awaited = |host: &_| desk.window.best_of(host).is_some() || desk.robots.unsettled().contains(host);
    let unclaimed: Vec<_> = store.ready_hosts().filter(|host| !is_awaited(*host)).collect();
    let may_go = |proxy: ProxyId| unclaimed.iter().any(|host| desk.permit(proxy, host, now) == Permit::Now);
    let idle = desk.roster.idle(now, Stirred::Yes);
    let found = idle.into_iter().find(|(_, proxy)| desk.docket.debts(proxy.id).next().is_none() && may_go(proxy.id));
    found.map(|(worker, _)| worker)
}
