//! What the pace comes to with sites that throttle, in virtual time: hungry addresses, a limit, and what got through.
//!
//! The sites are models: so many requests in any window, of each address or of all together; those that are turned away do not
//! count. Asserted are how far a limit is overstepped, and how much of what it allows is used.

use std::collections::{BTreeMap, HashMap, VecDeque};

use super::*;

/// What a site allows.
#[derive(Clone, Copy, Debug)]
struct Limit {
    count: usize,
    window: Duration,
    shared: bool,
    /// Does it say how long to wait?
    says: bool,
    /// Every so manyth address is not limited at all; 0: all are.
    exempt: u32,
}

#[derive(Debug)]
struct Site {
    limit: Limit,
    seen: HashMap<u32, VecDeque<Timestamp>>,
}

impl Site {
    /// `Ok`: let through. `Err`: what `Retry-After` says.
    fn ask(&mut self, address: AddressId, now: Timestamp) -> Result<(), Option<Duration>> {
        let limit = self.limit;
        if limit.exempt > 0 && address.0.is_multiple_of(limit.exempt) {
            return Ok(());
        }
        let seen = self.seen.entry(if limit.shared { 0 } else { address.0 }).or_default();
        while seen.front().is_some_and(|first| now.since(*first) >= limit.window) {
            seen.pop_front();
        }
        match seen.front() {
            Some(first) if seen.len() >= limit.count => {
                // In whole seconds, rounded up, as sites do it.
                let rest = (*first + limit.window).since(now);
                Err(limit.says.then(|| Duration::from_secs(rest.as_micros().div_ceil(1_000_000) as u64)))
            }
            _ => {
                seen.push_back(now);
                Ok(())
            }
        }
    }
}

/// What came of some time.
#[derive(Clone, Copy, Debug, Default)]
struct Sum {
    passed: u32,
    turned_away: u32,
}

/// An address looks for something to do, or gets the answer to what it asked then, with that gap.
type Coming = (AddressId, Option<(Timestamp, Duration)>);

const LATENCY: Duration = Duration::from_millis(200);
const WHOLE: Duration = Duration::from_secs(300);
const FIRST_MINUTE: usize = 2;

/// `addresses` that ask whenever they may, for five minutes; the sums of each half minute.
fn run(addresses: u32, delay: Duration, limit: Limit) -> Vec<Sum> {
    let (host, mut rng) = (HostKey("site.test:80".into()), fastrand::Rng::with_seed(7));
    let mut pace = Pace::new(fixture::settings(delay, 0.5), &fixture::ban(), None);
    let mut site = Site { limit, seen: HashMap::new() };
    let begin = Timestamp::from_micros(1_000_000_000);
    let mut coming: BTreeMap<(Timestamp, u64), Coming> = BTreeMap::new();
    let mut sums = vec![Sum::default(); 10];
    let mut number = 0;
    let mut later = |coming: &mut BTreeMap<(Timestamp, u64), Coming>, at, what| {
        number += 1;
        coming.insert((at, number), what);
    };
    for address in 0..addresses {
        later(&mut coming, begin, (AddressId(address), None));
    }
    while let Some(((now, _), (address, asked))) = coming.pop_first() {
        let at = now.since(begin);
        if at >= WHOLE {
            break;
        }
        if let Some((sent, gap)) = asked {
            let sum = &mut sums[(sent.since(begin).as_secs() / 30) as usize];
            pace.end(address, &host, &[(host.clone(), sent)], gap);
            match site.ask(address, sent) {
                Ok(()) => {
                    sum.passed += 1;
                    pace.passed(address, &host, sent);
                    pace.succeeded(address, &host);
                }
                Err(retry_after) => {
                    sum.turned_away += 1;
                    let refusal = Refusal { sent, retry_after, addresses: addresses as usize };
                    pace.throttle(address, &host, refusal, now);
                }
            }
        }
        match pace.permit(address, &host, now) {
            Permit::Now => {
                let gap = pace.gap(address, &host, &mut rng);
                pace.begin(address, &host, gap, now);
                later(&mut coming, now + LATENCY, (address, Some((now, gap))));
            }
            Permit::Shut(at) if at == host::SOME_EVENT => {
                later(&mut coming, now + LATENCY / 20, (address, None));
            }
            Permit::Wait(at) | Permit::Paused(at) | Permit::Shut(at) => {
                later(&mut coming, at, (address, None));
            }
        }
    }
    sums
}

fn total(sums: &[Sum]) -> Sum {
    sums.iter().fold(Sum::default(), |all, one| Sum {
        passed: all.passed + one.passed,
        turned_away: all.turned_away + one.turned_away,
    })
}

/// What came of it after the first minute, as shares.
#[derive(Debug)]
struct Settled {
    /// Of what is allowed, what was asked for.
    asked: f64,
    /// Of what is allowed, what passed.
    used: f64,
    /// Of what was asked for, what was turned away.
    turned_away: f64,
}

/// `addresses` that may ask `allowed` times a second, all together.
fn settled(addresses: u32, limit: Limit, allowed: f64) -> Settled {
    let late = total(&run(addresses, Duration::from_secs(1), limit)[FIRST_MINUTE..]);
    let seconds = (WHOLE - Duration::from_secs(60)).as_secs_f64();
    let (passed, turned_away) = (f64::from(late.passed), f64::from(late.turned_away));
    let all = passed + turned_away;
    let settled =
        Settled { asked: all / seconds / allowed, used: passed / seconds / allowed, turned_away: turned_away / all };
    println!("{addresses} addresses, {limit:?}: {settled:.3?}");
    settled
}

const fn limit(count: usize, seconds: u64) -> Limit {
    Limit { count, window: Duration::from_secs(seconds), shared: true, says: true, exempt: 0 }
}

#[test]
fn under_a_limit_that_all_addresses_share_their_rate_falls_below_it_and_stays_there() {
    for (addresses, limit, allowed, used) in [
        (100, limit(10, 1), 10.0, 0.65),
        (100, limit(60, 60), 1.0, 0.8),
        (100, limit(50, 1), 50.0, 0.65),
        (4, limit(2, 1), 2.0, 0.4),
    ] {
        let settled = settled(addresses, limit, allowed);
        assert!(settled.asked < 1.0 && settled.turned_away < 0.07 && settled.used > used, "{limit:?}: {settled:?}");
    }
}

#[test]
fn without_a_word_of_how_long_to_wait_the_rate_falls_below_the_limit_too() {
    for (limit, allowed, used) in [(limit(10, 1), 10.0, 0.35), (limit(60, 60), 1.0, 0.75)] {
        let settled = settled(100, Limit { says: false, ..limit }, allowed);
        assert!(settled.asked < 1.0 && settled.turned_away < 0.08 && settled.used > used, "{limit:?}: {settled:?}");
    }
}

#[test]
fn under_a_limit_of_each_address_each_finds_its_own() {
    for (addresses, used) in [(100, 0.7), (6, 0.7), (1, 0.8)] {
        let settled = settled(addresses, Limit { shared: false, ..limit(30, 60) }, f64::from(addresses) * 0.5);
        assert!(settled.asked < 1.0 && settled.turned_away < 0.03 && settled.used > used, "{addresses}: {settled:?}");
    }
}

#[test]
fn addresses_without_a_limit_do_not_pay_for_those_that_have_one() {
    for addresses in [6, 100] {
        // Half of them ask 0.8 times a second, with this delay and jitter; the others may do so three times a minute.
        let allowed = f64::from(addresses / 2) * (0.8 + 3.0 / 60.0);
        let settled = settled(addresses, Limit { shared: false, exempt: 2, ..limit(3, 60) }, allowed);
        assert!(settled.turned_away < 0.04 && settled.used > 0.9, "{addresses}: {settled:?}");
    }
}

#[test]
fn a_wave_of_refusals_is_over_within_half_a_minute() {
    let sums = run(100, Duration::from_secs(1), limit(10, 1));
    assert!(sums[0].turned_away <= 100, "each address finds out at most once: {:?}", sums[0]);
    assert_eq!(sums[1].turned_away, 0);
}
