//! Populations of proxies and pages, each crawled from several seeds: who pays for what, and what it costs.
//!
//! The suite crawls small ones; `BURDOCK_SIM_PAGES=3000 BURDOCK_SIM_POPULATIONS=5 cargo test --lib populations --
//! --nocapture` prints the table of the design.

use std::time::Duration;

use super::figures::Figures;
use super::scenario::{BadPages, PageKind, ProxyKind, Scenario, Telling};
use super::world::World;
use crate::dispatcher::desk::fixture;
use crate::dispatcher::notice::Ending;

/// One row of the table.
struct Population {
    name: &'static str,
    proxies: u32,
    workers: usize,
    /// This share of the proxies is of that kind.
    bad: (f64, ProxyKind),
    /// This share of the detail pages is poison.
    poison: f64,
    kinds: &'static [PageKind],
}

/// What fails through every proxy.
const POISON: &[PageKind] = &[PageKind::Broken, PageKind::Incomplete, PageKind::Cut];
const FORBIDDEN: &[PageKind] = &[PageKind::Forbidden];
const STUCK: &[PageKind] = &[PageKind::Stuck];

const POPULATIONS: &[Population] = &[
    row("5 % poison", 100, 60, (0.0, ProxyKind::Good), 0.05, POISON),
    row("20 % poison", 100, 60, (0.0, ProxyKind::Good), 0.2, POISON),
    row("60 % poison", 100, 60, (0.0, ProxyKind::Good), 0.6, POISON),
    row("5 % forbidden", 100, 60, (0.0, ProxyKind::Good), 0.05, FORBIDDEN),
    row("5 % stuck", 100, 60, (0.0, ProxyKind::Good), 0.05, STUCK),
    row("60 % stalling, 5 % poison", 100, 60, (0.6, ProxyKind::Stalling), 0.05, POISON),
    row("90 % stalling, 5 % poison", 100, 60, (0.9, ProxyKind::Stalling), 0.05, POISON),
    row("90 % soft-banning after 30, 5 % poison", 100, 60, (0.9, ProxyKind::SoftBanning(30)), 0.05, POISON),
    row("90 % banning after 30, 5 % poison", 100, 60, (0.9, ProxyKind::Banning(30)), 0.05, POISON),
    row("50 % flaky 0.3, 5 % poison", 100, 60, (0.5, ProxyKind::Flaky(0.3)), 0.05, POISON),
    row("50 % stalling after 2, 5 % poison", 20, 20, (0.5, ProxyKind::StallingAfter(2)), 0.05, POISON),
    row("90 % dead, 5 % poison", 100, 60, (0.9, ProxyKind::Dead), 0.05, POISON),
    row("3 proxies, 10 % poison", 3, 3, (0.0, ProxyKind::Good), 0.1, POISON),
    row("2 workers on 100, 10 % poison", 100, 2, (0.0, ProxyKind::Good), 0.1, POISON),
    row("1 proxy, 10 % poison", 1, 1, (0.0, ProxyKind::Good), 0.1, POISON),
];

const fn row(
    name: &'static str,
    proxies: u32,
    workers: usize,
    bad: (f64, ProxyKind),
    poison: f64,
    kinds: &'static [PageKind],
) -> Population {
    Population { name, proxies, workers, bad, poison, kinds }
}

impl Population {
    fn scenario(&self, seed: u64, pages: u32) -> Scenario {
        let mut rng = fastrand::Rng::with_seed(seed);
        let bad = (f64::from(self.proxies) * self.bad.0).round() as u32;
        let mut proxies: Vec<ProxyKind> =
            (0..self.proxies).map(|n| if n < bad { self.bad.1 } else { ProxyKind::Good }).collect();
        rng.shuffle(&mut proxies);
        // In a short crawl, bans come sooner as well.
        for kind in &mut proxies {
            if let ProxyKind::SoftBanning(after) | ProxyKind::Banning(after) = kind {
                *after = *after * pages / 3000;
            }
        }
        let mut limits = fixture::limits(self.workers);
        limits.pace.delay = Duration::from_secs(1);
        limits.pace.jitter = 0.5;
        limits.seed = seed;
        Scenario {
            seed,
            limits,
            proxies,
            lists: pages / 50,
            per_list: 49,
            hosts: 1,
            bad_pages: self.poison,
            bad: BadPages::Details(self.kinds),
            wave: 0..0,
            store_takes: Duration::from_millis(2),
            secure: false,
            death: 0.0,
            loss: 0.0,
            commit_failure: 0.0,
            told: Telling::Nothing,
            stop_after: None,
            restart_after: None,
            further: Vec::new(),
            edits: Vec::new(),
            check_every: 97,
            downs: Vec::new(),
        }
    }

    fn print(&self, all: &Figures, bound: Duration, seeds: u64) {
        let each = |duration: Duration| duration.as_secs_f64() / seeds as f64;
        println!(
            "| {} | {} ({}) | {} ({}) | {:.2} | {:.2} | {} | {} | {} | {:.0}/{:.0} s = {:.2} | {} of {} |",
            self.name,
            all.good_replaced,
            all.good_replaced_warm,
            all.good_lost,
            all.good_tried,
            all.a_poison_page(),
            all.further_requests as f64 / all.further as f64,
            all.controls / seeds,
            (all.requests - all.least) / seeds,
            all.most,
            each(all.took),
            each(bound),
            all.took.as_secs_f64() / bound.as_secs_f64(),
            all.guilty,
            all.charges,
        );
    }

    /// The least time: each page once, each poison page as often as its attempts ask for, over the good proxies that can work
    /// at once, a delay and half its jitter apart.
    fn bound(&self, scenario: &Scenario, end: &Figures) -> Duration {
        let good = scenario.proxies.iter().filter(|kind| **kind == ProxyKind::Good).count().min(self.workers);
        let retry = &scenario.limits.retry;
        let asks = end.least + end.poison * u64::from(retry.witnesses + retry.attempts - 2);
        scenario.limits.pace.delay.mul_f64(1.25 * asks as f64 / good as f64)
    }
}

fn number(name: &str) -> Option<u64> {
    std::env::var(name).ok().and_then(|text| text.parse().ok())
}

#[test]
fn good_proxies_are_not_replaced_and_good_pages_not_lost_whatever_the_others_are() {
    let (pages, seeds) =
        (number("BURDOCK_SIM_PAGES").unwrap_or(300) as u32, number("BURDOCK_SIM_POPULATIONS").unwrap_or(1));
    println!(
        "| population | good proxies replaced (warm) | good pages lost (tried) | requests a poison page | further | controls | waste | most | time / bound | guilty |"
    );
    println!("| --- | --- | --- | --- | --- | --- | --- | --- | --- | --- |");
    for population in POPULATIONS {
        let (mut all, mut bound) = (Figures::default(), Duration::ZERO);
        for seed in 0..seeds {
            let scenario = population.scenario(seed, pages);
            let end = World::new(scenario.clone()).run();
            assert_eq!(end.ending, Ending::Complete, "{}", population.name);
            bound += population.bound(&scenario, &end.figures);
            all.add(&end.figures);
        }
        population.print(&all, bound, seeds);
        assert_eq!(all.good_lost, 0, "{}: good pages lost", population.name);
        assert_eq!(all.good_replaced_warm, 0, "I6: {}: good proxies replaced", population.name);
        assert_eq!(all.guilty, all.charges, "{}: a good proxy was charged", population.name);
        assert_eq!(all.outages, 0, "{}: bad proxies and pages were taken for an outage", population.name);
        // In a short crawl nobody is trusted for long, so that more has to be heard.
        let most = if pages >= 1000 { 5.0 } else { 8.0 };
        assert!(all.a_poison_page() <= most, "{}: {} requests a poison page", population.name, all.a_poison_page());
        assert!(all.further_requests * 10 <= all.further * 11, "{}: further attempts", population.name);
    }
}
