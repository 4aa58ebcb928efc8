//! The heartbeat: how fast it goes, how long it will take, and what it is limited by.
//!
//! In comes a picture of the run at a time, out goes what has changed since the last one. Pure.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use serde::Serialize;

use super::ProxyCounts;
use crate::clock::Timestamp;
use crate::dispatcher::desk::Party;
use crate::frontier::Stats;

/// A heartbeat.
#[derive(Clone, Debug, PartialEq)]
pub struct Heartbeat {
    /// Pages done.
    pub done: u64,
    /// Tasks that still have to end.
    pub left: u64,
    /// Pages given up on.
    pub dead: u64,
    /// Records committed.
    pub records: u64,
    /// Tasks ended a minute, since the last heartbeat.
    pub rate: f64,
    /// Until nothing is left, at this rate; unknown while nothing ends or start URLs are not counted.
    pub eta: Option<Duration>,
    /// Workers that have a proxy.
    pub bound: usize,
    /// Workers that have none.
    pub parked: usize,
    /// Where the proxies are.
    pub proxies: ProxyCounts,
    /// What it was limited by since the last heartbeat.
    pub limited_by: Option<Limit>,
}

/// What keeps a run from going faster.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Limit {
    /// A disk had too little room.
    Disk,
    /// Records waited for the feeds.
    Feeds,
    /// A host, or our own line, was down.
    Outage,
    /// Workers waited for proxies, or all proxies were busy.
    Proxies,
    /// All workers were busy, and proxies were spare.
    Workers,
    /// Workers waited although there were pages: for `pace.delay`.
    Pace,
    /// Workers waited because there were too few pages.
    Pages,
}

impl Limit {
    /// The name in logs and reports.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Disk => "disk",
            Self::Feeds => "feeds",
            Self::Outage => "outage",
            Self::Proxies => "proxies",
            Self::Workers => "workers",
            Self::Pace => "pace",
            Self::Pages => "pages",
        }
    }
}

/// The run at one moment.
#[derive(Clone, Copy, Debug)]
pub(super) struct Picture {
    pub(super) stats: Stats,
    pub(super) bound: usize,
    pub(super) parked: usize,
    pub(super) proxies: ProxyCounts,
    /// Over all proxies, since the start.
    pub(super) bound_time: Duration,
    /// Over all proxies, since the start.
    pub(super) busy_time: Duration,
}

/// What was said last.
#[derive(Clone, Debug)]
pub(super) struct Beats {
    at: Timestamp,
    ended: u64,
    bound_time: Duration,
    busy_time: Duration,
    lagged: bool,
    disk: DiskRoom,
    down: BTreeSet<Party>,
    /// Something was, since the last heartbeat.
    was_down: bool,
    votes: BTreeMap<Limit, u32>,
}

/// Was there room on the disks since the last heartbeat?
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum DiskRoom {
    /// All the time.
    Always,
    /// Now again.
    Again,
    /// Not now.
    None,
}

impl Beats {
    pub(super) const fn new(at: Timestamp) -> Self {
        let zero = Duration::ZERO;
        Self {
            at,
            ended: 0,
            bound_time: zero,
            busy_time: zero,
            lagged: false,
            disk: DiskRoom::Always,
            down: BTreeSet::new(),
            was_down: false,
            votes: BTreeMap::new(),
        }
    }

    /// What had ended before is not of this process's pace.
    pub(super) fn going_on_from(self, before: &Stats) -> Self {
        Self { ended: before.done + before.gone + before.dead, ..self }
    }

    pub(super) const fn lagged(&mut self) {
        self.lagged = true;
    }

    pub(super) const fn disk_short(&mut self) {
        self.disk = DiskRoom::None;
    }

    pub(super) const fn disk_free(&mut self) {
        self.disk = DiskRoom::Again;
    }

    pub(super) fn down(&mut self, party: &Party) {
        self.down.insert(party.clone());
        self.was_down = true;
    }

    pub(super) fn returned(&mut self, party: &Party) {
        self.down.remove(party);
    }

    pub(super) fn beat(&mut self, picture: &Picture, now: Timestamp) -> Heartbeat {
        let stats = &picture.stats;
        let ended = stats.done + stats.gone + stats.dead;
        let minutes = now.since(self.at).as_secs_f64() / 60.0;
        let gained = ended.saturating_sub(self.ended) as f64;
        let rate = if minutes > 0.0 { gained / minutes } else { 0.0 };
        let limited_by = self.limit(picture);
        if let Some(limit) = limited_by {
            *self.votes.entry(limit).or_default() += 1;
        }
        let votes = std::mem::take(&mut self.votes);
        let (bound_time, busy_time) = (picture.bound_time, picture.busy_time);
        let disk = if self.disk == DiskRoom::None { DiskRoom::None } else { DiskRoom::Always };
        let down = std::mem::take(&mut self.down);
        let was_down = !down.is_empty();
        *self = Self { at: now, ended, bound_time, busy_time, lagged: false, disk, down, was_down, votes };
        Heartbeat {
            done: stats.done,
            left: left(stats),
            dead: stats.dead,
            records: stats.records,
            rate: (rate * 10.0).round() / 10.0,
            eta: eta(stats, rate),
            bound: picture.bound,
            parked: picture.parked,
            proxies: picture.proxies,
            limited_by,
        }
    }

    pub(super) fn commonest(&self) -> Option<Limit> {
        self.votes.iter().max_by_key(|(_, votes)| **votes).map(|(limit, _)| *limit)
    }

    /// The first of these that applies since the last heartbeat: a disk had no room; the feeds were behind; something was down; a worker is parked; bound proxies were
    /// busy for more than half of their time (then there are too few of them, or of workers to use the spare ones); else they
    /// waited, for the pace if there was something to do, for pages if not.
    fn limit(&self, picture: &Picture) -> Option<Limit> {
        let bound = picture.bound_time.saturating_sub(self.bound_time).as_secs_f64();
        let busy = picture.busy_time.saturating_sub(self.busy_time).as_secs_f64();
        if self.disk != DiskRoom::Always {
            Some(Limit::Disk)
        } else if self.lagged {
            Some(Limit::Feeds)
        } else if self.was_down {
            Some(Limit::Outage)
        } else if picture.parked > 0 {
            Some(Limit::Proxies)
        } else if bound == 0.0 {
            None
        } else if busy > bound / 2.0 {
            Some(if picture.proxies.spare > 0 { Limit::Workers } else { Limit::Proxies })
        } else {
            let waiting = picture.stats.ready + picture.stats.leased;
            let enough = u64::try_from(picture.bound).is_ok_and(|bound| waiting > bound);
            Some(if enough { Limit::Pace } else { Limit::Pages })
        }
    }
}

/// Tasks that still have to end, start URLs that were not looked at among them as far as they are counted.
pub(super) fn left(stats: &Stats) -> u64 {
    stats.left() + stats.unread.unwrap_or(0)
}

fn eta(stats: &Stats, rate: f64) -> Option<Duration> {
    stats.unread?;
    if rate <= 0.0 {
        return None;
    }
    Duration::try_from_secs_f64((left(stats) as f64 / rate * 60.0).round()).ok()
}
