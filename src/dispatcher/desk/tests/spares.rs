//! The rules of spares: proxies that come and go, budgets, rotating lines, and pages with a proxy of their own.

use super::*;
use crate::config::SpareOrder;
use crate::proxy::pool::State;
use crate::proxy::{Credentials, Endpoint, Secret};
use crate::task::{NewTask, Task};

/// These proxies, with this password.
fn listed(numbers: &[u16], password: &str) -> Vec<Endpoint> {
    let endpoint = |&number: &u16| {
        let Route::Proxy(endpoint) = route(number) else { panic!("a proxy") };
        let known = |password| Credentials { user: Secret::new("u"), password: Secret::new(password) };
        Endpoint { credentials: (!password.is_empty()).then(|| known(password)), ..endpoint }
    };
    numbers.iter().map(endpoint).collect()
}

fn spent(order: &Order) -> Option<(WorkerId, ProxyRef)> {
    match order {
        Order::Spent { worker, proxy } => Some((*worker, *proxy)),
        _ => None,
    }
}

fn ending(order: &Order) -> Option<Ending> {
    match order {
        Order::Note(Notice::Stopping { ending, .. }) => Some(ending.clone()),
        _ => None,
    }
}

impl Script {
    fn read(&mut self, numbers: &[u16], password: &str) {
        self.on(Event::ProxiesRead(listed(numbers, password)));
    }

    fn state(&self, proxy: u32) -> State {
        self.desk.pool.get(ProxyId(proxy)).expect("a proxy").state()
    }

    /// What is ordered to be committed is. Gives the other orders.
    fn commit(&mut self) -> Vec<Order> {
        self.after(Duration::from_millis(10));
        let (commits, others): (Vec<_>, Vec<_>) =
            self.orders.drain(..).partition(|order| matches!(order, Order::Commit { .. }));
        for order in commits {
            let Order::Commit { batch, .. } = order else { continue };
            let new_links = vec![Some(0); batch.len()];
            self.on(Event::Committed(Committed { new_links, stats: stats(2), ..Committed::default() }));
        }
        others
    }

    /// The fetches that are out now, and those that follow, all fail so, until there are none.
    fn fail_all(&mut self, verdict: &Verdict) {
        let mut answered = Vec::new();
        loop {
            let orders = std::mem::take(&mut self.orders);
            for order in orders {
                match order {
                    Order::Fetch { worker, assignment, .. } => self.fetched(worker, assignment, verdict.clone()),
                    Order::Spent { worker, proxy } => self.on(Event::Replace { worker, proxy, why: Why::Spent }),
                    other => answered.push(other),
                }
            }
            if !self.orders.iter().any(|order| matches!(order, Order::Fetch { .. } | Order::Spent { .. })) {
                answered.append(&mut self.orders);
                self.orders = answered;
                return;
            }
        }
    }
}

#[test]
fn a_proxy_that_is_added_wakes_a_parked_worker_at_once() {
    let mut script = Script::new(2, 1, 5);
    script.orders.clear();
    script.read(&[1, 2], "");
    assert_eq!(script.took(bound), [(SECOND, ProxyId(1))]);
}

#[test]
fn a_proxy_that_is_removed_is_given_up_its_page_counts_and_its_worker_gets_another() {
    let mut script = Script::new(1, 2, 2);
    let (_, assignment) = script.fetches()[0];
    script.read(&[2], "");
    assert_eq!(script.took(spent), [(FIRST, assignment.proxy)]);
    script.read(&[2], "");
    script.fetched(FIRST, assignment, Verdict::Done);
    assert!(script.took(spent).is_empty(), "it is told once");
    script.on(Event::Replace { worker: FIRST, proxy: assignment.proxy, why: Why::Spent });
    assert_eq!(script.took(bound), [(FIRST, ProxyId(1))]);
    assert_eq!(script.state(0), State::Retired);
    assert!(!script.desk.held.contains_key(&TaskId(1)), "the page that was out is done");
}

#[test]
fn an_idle_worker_gives_up_a_removed_proxy_too() {
    let mut script = Script::new(1, 2, 0);
    script.orders.clear();
    script.read(&[2], "");
    let proxy = ProxyRef { id: ProxyId(0), epoch: Epoch(1) };
    assert_eq!(script.took(spent), [(FIRST, proxy)]);
}

#[test]
fn a_changed_password_is_bound_anew_with_the_password() {
    let mut script = Script::new(1, 1, 0);
    script.orders.clear();
    script.read(&[1], "");
    assert!(script.took(spent).is_empty(), "nothing has changed");
    // A user makes it another proxy.
    script.read(&[1], "old");
    let (worker, proxy) = script.took(spent)[0];
    script.on(Event::Replace { worker, proxy, why: Why::Spent });
    script.orders.clear();
    script.read(&[1], "new");
    let (worker, proxy) = script.took(spent)[0];
    script.on(Event::Replace { worker, proxy, why: Why::Spent });
    let passwords = script.took(|order| match order {
        Order::Bind { route, .. } => match &**route {
            Route::Proxy(endpoint) => endpoint.credentials.as_ref().map(|known| known.password.reveal().to_owned()),
            Route::Direct => None,
        },
        _ => None,
    });
    assert_eq!(passwords, ["new"]);
}

#[test]
fn workers_follow_the_proxies_as_far_as_they_may_and_never_become_fewer() {
    let grown = |order: &Order| match order {
        Order::Workers(slots) => Some(*slots),
        _ => None,
    };
    let mut script = Script::with(1, 1, 0, |limits| limits.most_workers = 3);
    for (numbers, slots) in [(&[1, 2][..], Some(2)), (&[2], None), (&[1, 2, 3, 4, 5], Some(3)), (&[1, 6, 7, 8], None)] {
        script.read(numbers, "");
        assert_eq!(script.took(grown), slots.into_iter().collect::<Vec<_>>(), "{numbers:?}");
    }
    let mut script = Script::new(1, 1, 0);
    script.read(&[1, 2, 3], "");
    assert!(script.took(grown).is_empty(), "the config says how many");
}

#[test]
fn proxies_that_are_added_while_the_crawl_waits_for_one_begin_another_wait() {
    let mut script = Script::new(1, 1, 3);
    let (_, assignment) = script.fetches()[0];
    script.fetched(FIRST, assignment, Verdict::Done);
    let (_, assignment) = script.fetches()[0];
    script.desk.limits.health.cooldown = Duration::from_secs(100_000);
    script.desk.limits.health.cooldown_max = Duration::from_secs(100_000);
    let proxy = script.wear_out(FIRST, assignment);
    script.on(Event::Replace { worker: FIRST, proxy, why: Why::Spent });
    script.after(Duration::from_secs(899));
    script.read(&[1, 2], "");
    script.fail_all(&Verdict::ProxyBroken(reason("proxy.refused")));
    script.after(Duration::from_secs(899));
    assert!(script.took(ending).is_empty());
    script.after(Duration::from_secs(1));
    assert!(matches!(script.took(ending)[..], [Ending::NoProxy { .. }]));
}

#[test]
fn a_proxy_that_has_used_up_its_requests_is_given_up_and_never_bound_again() {
    let mut script = Script::with(1, 2, 9, |limits| limits.proxies.max_requests = Some(2));
    for _ in 0..2 {
        let (_, assignment) = script.fetches()[0];
        script.fetched(FIRST, assignment, Verdict::Done);
    }
    let (worker, proxy) = script.took(spent)[0];
    assert_eq!(proxy.id, ProxyId(0));
    script.on(Event::Replace { worker, proxy, why: Why::Spent });
    script.fail_all(&Verdict::Done);
    assert_eq!((script.state(0), script.state(1)), (State::Retired, State::Retired));
    let endings = script.took(ending);
    let [Ending::NoProxy { commonest: Some(reason) }] = &endings[..] else { panic!("{endings:?}") };
    assert_eq!((&*reason.code, &*reason.detail), ("proxy.used_up", "2 of 2 proxies have used up their budget"));
}

#[test]
fn bytes_and_age_are_budgets_too_and_age_begins_with_the_first_page() {
    let mut script = Script::with(1, 2, 9, |limits| limits.proxies.max_age = Some(Duration::from_secs(60)));
    let (_, assignment) = script.fetches()[0];
    script.after(Duration::from_secs(59));
    assert!(script.took(spent).is_empty());
    script.after(Duration::from_secs(1));
    assert_eq!(script.took(spent), [(FIRST, assignment.proxy)], "with a page out");
    assert_eq!(script.state(1), State::Spare, "the other one has not begun");

    let mut script = Script::with(1, 2, 9, |limits| limits.proxies.max_bytes = Some(1000));
    let (worker, assignment) = script.fetches()[0];
    let meters = Meters { requests: 1, wire: 1000, ..Meters::default() };
    script.ended((worker, assignment), Verdict::Done, meters);
    assert_eq!(script.took(spent), [(FIRST, assignment.proxy)]);
}

#[test]
fn with_one_used_up_and_one_that_rests_it_waits_only_if_that_one_has_ever_worked() {
    let run = |worked: bool| {
        let mut script = Script::with(2, 2, 9, |limits| limits.proxies.max_requests = Some(5));
        let fetches = script.fetches();
        let ((one, first), (two, second)) = (fetches[0], fetches[1]);
        let refused = || Verdict::ProxyBroken(reason("proxy.refused"));
        script.fetched(two, second, if worked { Verdict::Done } else { refused() });
        let (_, second) = script.fetches()[0];
        let proxy = if worked {
            script.wear_out(two, second)
        } else {
            script.fetched(two, second, refused());
            let (_, second) = script.fetches()[0];
            script.fetched(two, second, refused());
            second.proxy
        };
        script.on(Event::Replace { worker: two, proxy, why: Why::Spent });
        script.orders.clear();
        script.fetched(one, first, Verdict::Done);
        for _ in 0..4 {
            let (_, next) = script.fetches()[0];
            script.fetched(one, next, Verdict::Done);
        }
        let (worker, proxy) = script.orders.iter().find_map(spent).expect("used up");
        script.on(Event::Replace { worker, proxy, why: Why::Spent });
        script.took(ending)
    };
    let endings = run(false);
    let [Ending::NoProxy { commonest: Some(reason) }] = &endings[..] else { panic!("{endings:?}") };
    assert!(reason.detail.starts_with("1 of 2 proxies have used up their budget; of the others"), "{reason}");
    // The one that has worked has one request of its five left; it is not used up, and may be back.
    let waits = run(true);
    assert!(waits.is_empty(), "{waits:?}");
}

/// What becomes of a proxy whose only rest is over when it breaks again, by what the other one comes to in between.
fn breaks_again(other: &Verdict) -> (State, Vec<String>) {
    let mut script = Script::with(1, 2, 9, |limits| {
        limits.health.max_cooldowns = Some(1);
        limits.health.max_errors = 1;
        limits.proxies.order = SpareOrder::File;
    });
    let refused = Verdict::ProxyBroken(reason("proxy.refused"));
    let (_, assignment) = script.fetches()[0];
    script.fetched(FIRST, assignment, Verdict::Done);
    let (_, assignment) = script.fetches()[0];
    script.fetched(FIRST, assignment, refused.clone());
    script.on(Event::Replace { worker: FIRST, proxy: assignment.proxy, why: Why::Spent });
    assert!(matches!(script.state(0), State::Cooling(_)));
    let (_, assignment) = script.fetches()[0];
    script.fetched(FIRST, assignment, Verdict::Done);
    let (_, assignment) = script.fetches()[0];
    script.after(Duration::from_secs(30));
    script.fetched(FIRST, assignment, other.clone());
    script.fail_all(&refused);
    let why = script.took(|order| match order {
        Order::Note(Notice::Retired { proxy: ProxyId(0), reason }) => Some(reason.code.clone()),
        _ => None,
    });
    (script.state(0), why.iter().map(ToString::to_string).collect())
}

#[test]
fn a_proxy_with_as_many_rests_as_it_may_have_is_retired_instead_of_another() {
    assert_eq!(breaks_again(&Verdict::Done), (State::Retired, vec!["proxy.max_cooldowns".to_owned()]));
}

#[test]
fn a_proxy_is_not_retired_while_nothing_comes_through_any_other_one() {
    let (state, why) = breaks_again(&Verdict::ProxyBroken(reason("proxy.refused")));
    assert!(matches!(state, State::Cooling(_)) && why.is_empty(), "{state:?}, {why:?}");
}

#[test]
fn a_rotating_line_is_another_witness_each_time_and_is_neither_charged_nor_paused() {
    let rotating = |limits: &mut Limits| {
        limits.proxies.rotating = true;
        limits.retry.attempts = 1;
    };
    let told = |order: &Order| match order {
        Order::Note(Notice::Charged { .. } | Notice::Cooling { .. } | Notice::HostPaused { .. }) => Some(()),
        _ => None,
    };
    for verdict in [
        Verdict::Doubtful(reason("timeout.head")),
        Verdict::Banned(reason("status.403")),
        Verdict::Throttled { retry_after: Some(Duration::from_secs(60)), reason: reason("status.429") },
    ] {
        for (before, is_enough) in [(40, true), (0, false)] {
            let mut script = Script::with(1, 1, before + 1, rotating);
            let mut answers = (0..before).map(|_| Verdict::Done).chain(vec![verdict.clone(); 3]).peekable();
            while answers.peek().is_some() {
                let (worker, assignment) = script.fetches().pop().expect("at once");
                // The one that shows that the site is not down.
                let is_probe = assignment.epoch == Epoch::default();
                let verdict = if is_probe { Some(Verdict::Done) } else { answers.next() };
                script.fetched(worker, assignment, verdict.expect("an answer"));
            }
            while let Some((worker, probe)) = script.fetches().pop().filter(|(_, next)| next.epoch == Epoch::default())
            {
                script.fetched(worker, probe, Verdict::Done);
            }
            let is_over = !script.desk.held.contains_key(&TaskId(before + 1));
            assert_eq!(is_over, is_enough, "{verdict:?}: three witnesses are enough, of a line that has done well");
            assert!(script.took(told).is_empty(), "{verdict:?}");
        }
        let mut script = Script::with(1, 1, 8, rotating);
        for verdict in [verdict.clone(), Verdict::Done] {
            let (worker, assignment) = script.fetches().pop().expect("at once");
            script.fetched(worker, assignment, verdict);
        }
        assert!(script.orders.iter().find_map(told).is_none(), "a success convicts nobody");
    }
}

#[test]
fn a_proxy_that_came_later_is_remembered_too() {
    let mut script = Script::new(1, 1, 2);
    script.on(Event::ProxiesRead(listed(&[2], "")));
    let (worker, assignment) = script.fetches()[0];
    script.fetched(worker, assignment, Verdict::Done);
    script.on(Event::Replace { worker, proxy: assignment.proxy, why: Why::Spent });
    let (worker, assignment) = script.fetches()[0];
    assert_eq!(assignment.proxy.id, ProxyId(1));
    script.fetched(worker, assignment, Verdict::Done);
    script.after(Duration::from_secs(2));
    let kept: Vec<_> = script
        .took(|order| match order {
            Order::Commit { kept, .. } => Some(kept.iter().map(|kept| Arc::clone(&kept.key)).collect::<Vec<_>>()),
            _ => None,
        })
        .concat();
    let Route::Proxy(later) = route(2) else { panic!("a proxy") };
    assert!(kept.contains(&later.kept_as().into()), "{kept:?}");
}

#[test]
fn a_rotating_line_that_refuses_us_is_charged_and_rests() {
    let mut script = Script::with(1, 1, 1, |limits| limits.proxies.rotating = true);
    let (_, assignment) = script.fetches()[0];
    script.wear_out(FIRST, assignment);
    assert_eq!(script.orders.iter().filter_map(spent).count(), 1);
}

/// Two workers; a list that was fetched by the first one, and two details of it, claimed afterwards.
fn with_details() -> (Script, (WorkerId, ProxyRef), (WorkerId, ProxyRef)) {
    let mut script = Script::with(2, 2, 1, |limits| _ = limits.affine.insert(StageId(1)));
    let (worker, assignment) = script.fetches()[0];
    let page: Arc<str> = "http://site.test/1".into();
    let link = |id: u64| NewTask {
        stage: StageId(1),
        request: fixture::task(id, "site.test", 0).request,
        priority: 0,
        depth: 1,
        meta: Arc::default(),
        referrer: Some(Arc::clone(&page)),
        start_url: "".into(),
        excluded: None,
    };
    let meters = Meters { requests: 1, ..Meters::default() };
    let (links, records, missing) = (vec![link(11), link(12)], Vec::new(), Vec::new());
    let (verdict, next) = (Verdict::Done, Next::Ready);
    script.on(Event::Fetched(Box::new(Outcome {
        worker,
        assignment,
        verdict,
        links,
        records,
        missing,
        robots: None,
        meters,
        next,
    })));
    script.commit();
    let detail = |id: u64| {
        let task = fixture::task(id, "site.test", 0);
        let task = Task { stage: StageId(1), referrer: Some(Arc::clone(&page)), ..task };
        Claimed { task: Arc::new(task), epoch: Epoch(id) }
    };
    let other = if worker == FIRST { SECOND } else { FIRST };
    let its = ProxyRef { id: ProxyId(1 - assignment.proxy.id.0), epoch: Epoch(1) };
    script.on(Event::Claimed(Claim { tasks: vec![detail(11), detail(12)], next_due: None, stats: stats(2) }));
    (script, (worker, assignment.proxy), (other, its))
}

#[test]
fn a_page_waits_for_the_proxy_of_its_referrer_though_another_is_idle() {
    let (mut script, (worker, proxy), _) = with_details();
    let (by, first) = script.fetches().pop().expect("one");
    assert_eq!((by, first.proxy, first.task), (worker, proxy, TaskId(11)));
    script.after(Duration::from_secs(9));
    assert!(script.fetches().is_empty());
    script.fetched(worker, first, Verdict::Done);
    assert_eq!(script.fetches().pop().expect("the other").1.task, TaskId(12));
}

#[test]
fn a_page_waits_for_a_slow_proxy_ten_seconds_and_no_longer() {
    let (mut script, _, (other, its)) = with_details();
    script.orders.clear();
    script.after(Duration::from_millis(9_999));
    assert!(script.fetches().is_empty());
    script.after(Duration::from_millis(1));
    let (by, second) = script.fetches().pop().expect("by the other one");
    assert_eq!((by, second.proxy, second.task), (other, its, TaskId(12)));
}

#[test]
fn a_page_does_not_wait_for_a_proxy_that_is_given_up() {
    let (mut script, (worker, proxy), (other, _)) = with_details();
    let (_, first) = script.fetches().pop().expect("one");
    script.desk.limits.health.max_errors = 1;
    script.fetched(worker, first, Verdict::ProxyBroken(reason("proxy.refused")));
    let fetches = script.fetches();
    assert_eq!(fetches.len(), 1);
    assert_eq!(fetches[0].0, other, "at once");
    script.on(Event::Replace { worker, proxy, why: Why::Spent });
    script.fetched(other, fetches[0].1, Verdict::Done);
    assert_eq!(script.fetches().len(), 1, "and so is the other one");
}

#[test]
fn what_waits_for_a_proxy_is_handed_back_with_the_rest_when_the_crawl_stops() {
    let (mut script, (worker, _), _) = with_details();
    let (_, first) = script.fetches().pop().expect("one");
    script.on(Event::Stop(Signal::Interrupt));
    script.on(Event::Claimed(Claim { tasks: Vec::new(), next_due: None, stats: stats(2) }));
    script.fetched(worker, first, Verdict::Done);
    let mut back = Vec::new();
    for _ in 0..3 {
        back.extend(script.commit().iter().flat_map(|order| match order {
            Order::HandBack(leases) => leases.iter().map(|(id, _)| *id).collect(),
            _ => Vec::new(),
        }));
    }
    assert_eq!(back, [TaskId(12)]);
}
