//! Proofs: how a proxy that owes testimony shows whether it works, before it is given another suspect.
//!
//! A fresh page does, and costs nothing; after two failures in a row, or where no fresh page is left, a *control* does: a page
//! that was done there before, fetched again. A control commits nothing, and one that fails is its proxy's fault.

use std::sync::Arc;
use std::time::Duration;

use super::bench::{Bench, Venue};
use super::court::Ended;
use super::party::Party;
use super::pick::{Pick, Times};
use super::probing::Probed;
use super::roster::{Grip, Hands};
use super::suspense::Case;
use super::{Desk, Order};
use crate::clock::Timestamp;
use crate::dispatcher::notice::{Notice, ProbeNotice};
use crate::pace::Permit;
use crate::protocol::{Assignment, Meters, ProxyRef, WorkerId};
use crate::proxy::ProxyId;
use crate::task::{Epoch, Task};
use crate::verdict::{Reason, Suspect, Verdict};

/// After so many failures in a row a proxy is given no fresh page, only controls.
pub(super) const IN_A_ROW: u32 = 2;

/// After so many failures in a row, and again after as many, a proxy that fails its controls does what else there is to do: where
/// other places keep it in work, controls that fail each time end nothing, while a page has only so many requests. So does one
/// that is only told to wait, each time.
pub(super) const TIRED: u32 = 8;

/// A page that was done before, on its way through a proxy that has to prove itself.
#[derive(Clone, Debug)]
pub(super) struct Control {
    /// Who fetches it; if that worker dies, a word of it comes all the same.
    pub(super) worker: WorkerId,
    pub(super) task: Arc<Task>,
    /// Where it was done.
    pub(super) seat: Venue,
    pub(super) errand: Errand,
}

/// What a control is to show.
#[derive(Clone, Debug)]
pub(super) enum Errand {
    /// That a proxy works, which owes testimony there.
    Proof { debt: Venue },
    /// That a host, or our own line, works, within so long.
    Probe { party: Party, patience: Duration },
}

/// A control that is to be given out.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Test {
    seat: Venue,
    debt: Venue,
}

impl Desk {
    /// By what a proxy that owes testimony is to prove itself now. `None`: it owes none, or has to wait.
    pub(super) fn proof(&self, proxy: ProxyId, times: &mut Times, now: Timestamp) -> Option<Pick> {
        let address = self.pool.get(proxy)?.address;
        let is_refuted = |debt: &&Venue| self.is_refuted(proxy, debt);
        // Where it has failed to prove itself nobody waits for it: elsewhere pages may.
        let (refuted, open): (Vec<_>, Vec<_>) = self.docket.debts(proxy).partition(is_refuted);
        for debt in open.into_iter().chain(refuted) {
            let witness = self.docket.witness(proxy, debt)?;
            let seat = self.seat(debt);
            let control = self.docket.bench(&seat).is_some_and(|bench| bench.has_control());
            let fresh = self.window.best_at(&seat).filter(|_| witness.in_a_row < IN_A_ROW || !control);
            // A ban that is not confirmed by a control is tested by one.
            let permit = match self.permit(proxy, &seat.host, now) {
                Permit::Paused(_) if control && !witness.refuted => {
                    self.pace.permit_despite_ban(address, &seat.host, now)
                }
                permit => permit,
            };
            let paused = matches!(self.pace.own_permit(address, &seat.host, now), Permit::Paused(_));
            // A fresh page costs nothing if it is the other one that is forbidden, and one request more if the ban is meant.
            let banned = paused && !self.docket.bench(debt).is_some_and(Bench::doubts_bans);
            match (permit, fresh) {
                (Permit::Now, Some(page)) if !banned => return Some(Pick::Task(page)),
                (Permit::Now, _) if control => return Some(Pick::Control(Test { seat, debt: debt.clone() })),
                (Permit::Wait(at), Some(_)) => times.wait(at),
                (Permit::Wait(at), None) if control => times.wait(at),
                (Permit::Shut(until), Some(_)) => times.shut(until),
                (Permit::Shut(until), None) if control => times.shut(until),
                (Permit::Paused(until), _) => times.bar(until),
                (Permit::Now | Permit::Wait(_) | Permit::Shut(_), _) => {}
            }
        }
        None
    }

    /// Has it failed one control after the other, so that any page which it may have is better than one more?
    pub(super) fn is_tired_of_controls(&self, proxy: ProxyId) -> bool {
        let mut witnesses = self.docket.debts(proxy).filter_map(|debt| self.docket.witness(proxy, debt));
        witnesses.any(|witness| witness.refuted && witness.in_a_row >= TIRED && witness.in_a_row.is_multiple_of(TIRED))
    }

    /// Gives a control to a worker.
    pub(super) fn give_control(&mut self, worker: WorkerId, proxy: ProxyRef, test: Test, now: Timestamp) {
        self.send_control(worker, proxy, test.seat, Errand::Proof { debt: test.debt }, now);
    }

    /// Sends a control out, whatever it is to show.
    pub(super) fn send_control(
        &mut self,
        worker: WorkerId,
        proxy: ProxyRef,
        seat: Venue,
        errand: Errand,
        now: Timestamp,
    ) {
        let Some(Hands::Holding(grip)) = self.roster.get(worker) else { return };
        let Some(task) = self.docket.bench_mut(&seat).control() else { return };
        let Some(address) = self.pool.get(proxy.id).map(|member| member.address) else { return };
        let gap = self.pace.gap(address, &task.host, &mut self.rng);
        self.controls_given = self.controls_given.wrapping_add(1);
        // The lease on its task is long over: this one is a lease on nothing.
        let assignment = Assignment { task: task.id, epoch: Epoch::default(), turn: self.controls_given, proxy };
        self.pace.begin(address, &task.host, gap, now);
        self.fetching.insert(assignment, task.host.clone());
        self.pool.sent_out(&assignment);
        if let Some(usage) = self.pool.usage(proxy.id) {
            usage.begin(now);
        }
        self.roster.set(worker, Hands::Holding(Grip { out: grip.out + 1, ..grip }));
        let patience = match &errand {
            Errand::Proof { .. } => None,
            Errand::Probe { patience, .. } => Some(*patience),
        };
        let clearance = self.clearance(&task);
        self.controls.insert(assignment, Control { worker, task: Arc::clone(&task), seat, errand });
        self.orders.push(Order::Fetch { worker, assignment, task, gap, clearance, patience });
    }

    /// A control is back.
    pub(super) fn probed(
        &mut self,
        worker: WorkerId,
        assignment: &Assignment,
        control: Control,
        verdict: Verdict,
        meters: Meters,
        now: Timestamp,
    ) {
        self.control_is_over(worker, assignment, now);
        self.spend(assignment.proxy.id, &verdict, &meters, now);
        self.keep_pace(assignment, &meters.sent, &verdict, now);
        let ended = Ended::new(&control.task, assignment.proxy.id, &meters);
        self.hear(&ended, &verdict, &meters, now);
        let begun = meters.sent.last().map_or(now, |(_, at)| *at);
        let (proxy, task) = (assignment.proxy.id, Arc::clone(&control.task));
        match (&control.errand, self.in_question(&verdict, &ended.last.host)) {
            (Errand::Probe { party, .. }, _) => {
                let probed = Probed { party, seat: &control.seat, page: task.id };
                self.weigh_probe(&probed, &ended, &verdict, &meters, now);
            }
            (Errand::Proof { .. }, Some(party)) => {
                let case = Case::Control { control, ended, verdict: verdict.clone() };
                self.suspend(party, case, begun, now);
            }
            (Errand::Proof { .. }, None) => self.weigh_control(&control, &ended, &verdict, now),
        }
        self.note(Notice::Probed(Box::new(ProbeNotice { worker, proxy, task, verdict, meters })));
    }

    pub(super) fn weigh_control(&mut self, control: &Control, ended: &Ended, verdict: &Verdict, now: Timestamp) {
        let proxy = ended.proxy;
        match verdict {
            Verdict::Done => {
                self.worked(proxy);
                self.succeeded(ended);
            }
            Verdict::ProxyDenied(reason) if !self.is_doubtful_denial(proxy, reason) => self.deny(proxy, reason),
            Verdict::ProxyBroken(reason) => self.charge(proxy, reason, now),
            Verdict::Banned(reason) => {
                if let Errand::Proof { debt } = &control.errand {
                    self.docket.bench_mut(debt).ban_was_meant();
                }
                self.confirm_ban(ended, reason, now);
                self.refute(control, proxy, verdict, now);
            }
            // To wait is all that is asked of it. But who waits for it need not do so for ever.
            Verdict::Throttled { .. } => {
                self.unchallenge(proxy, &ended.last.host);
                if let Errand::Proof { debt } = &control.errand
                    && self.docket.owes_at(proxy, debt)
                {
                    self.docket.put_off(proxy, debt);
                }
            }
            Verdict::Unasked(..) => {}
            Verdict::ProxyDenied(_)
            | Verdict::Doubtful(_)
            | Verdict::Gone(..)
            | Verdict::Rejected(..)
            | Verdict::Failing(..)
            | Verdict::Unusable(_)
            | Verdict::Excluded(..)
            | Verdict::Panicked(_) => self.refute(control, proxy, verdict, now),
        }
    }

    /// A ban that was only suspected is one; a new one begins.
    fn confirm_ban(&mut self, ended: &Ended, reason: &Reason, now: Timestamp) {
        let (host, Some(address)) = (&ended.last.host, self.pool.get(ended.proxy).map(|member| member.address)) else {
            return;
        };
        match self.pace.own_permit(address, host, now) {
            Permit::Paused(_) => {
                self.pace.confirm_ban(address, host, ended.page);
                self.keeper.paced(ended.proxy, host);
            }
            Permit::Now | Permit::Wait(_) | Permit::Shut(_) => self.ban(ended.proxy, host, ended.page, reason, now),
        }
    }

    /// A control failed: by the fault of its proxy, unless the site itself says so. Then the page is no control any more.
    fn refute(&mut self, control: &Control, proxy: ProxyId, verdict: &Verdict, now: Timestamp) {
        let (Some(reason), Errand::Proof { debt }) = (verdict.reason(), &control.errand) else { return };
        match verdict.suspect() {
            Suspect::Either | Suspect::Proxy => {
                self.docket.refuted(proxy, debt);
                self.charge(proxy, reason, now);
                self.silent(proxy, control.task.id, reason, now);
            }
            Suspect::Page | Suspect::Recipe | Suspect::Us | Suspect::Nobody => {
                self.docket.forget_control(&control.seat, control.task.id);
            }
        }
    }

    /// Nothing more comes of a control: its worker and its proxy are free.
    pub(super) fn control_is_over(&mut self, worker: WorkerId, assignment: &Assignment, now: Timestamp) {
        if let Some(change) = self.pool.came_back(assignment, now) {
            self.changed(change);
        }
        self.moved.insert(assignment.proxy.id);
        self.loosen(worker, assignment.proxy);
    }
}
