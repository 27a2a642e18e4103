//! Properties that hold for every schedule.

use proptest::prelude::*;
use proptest::test_runner::{Config, TestRunner};

use super::*;

/// Schedules of everything at once.
const SCHEDULES: u32 = 10_000;

#[derive(Clone, Debug)]
enum Step {
    Arrive { app: usize, priority: Priority, tokens: (u64, u64), patient: bool },
    Send(usize),
    End(usize, Settled),
    Leave(usize),
    Cancel(usize),
    Rules(Rules),
    Pause(u64),
}

fn limits() -> impl Strategy<Value = Limits> {
    let limit = |range: std::ops::Range<u32>| proptest::option::weighted(0.7, range);
    (limit(1..12), limit(500..4000), limit(1..5)).prop_map(|(requests_per_minute, tokens_per_minute, concurrency)| {
        Limits { requests_per_minute, tokens_per_minute, concurrency }
    })
}

fn any_rules() -> impl Strategy<Value = Rules> {
    let queue = (0_u32..20, 100_u32..120_000, any::<bool>(), any::<bool>());
    (limits(), queue, proptest::bool::weighted(0.9)).prop_map(
        |(limits, (length, deadline_ms, evicts, is_fair), is_open)| {
            let overflow = if evicts { Overflow::EvictOldest } else { Overflow::RejectNewest };
            let order = if is_fair { QueueOrder::Fair } else { QueueOrder::Fifo };
            Rules { limits, queue: QueuePolicy { length, deadline_ms, overflow, order }, is_open }
        },
    )
}

fn step() -> impl Strategy<Value = Step> {
    let priority = prop_oneof![8 => Just(Priority::Normal), 1 => Just(Priority::Low), 1 => Just(Priority::High)];
    let arrive = (0_usize..4, priority, (0_u64..1200, 0_u64..1200), proptest::bool::weighted(0.9))
        .prop_map(|(app, priority, tokens, patient)| Step::Arrive { app, priority, tokens, patient });
    let settled = prop_oneof![(0_u64..2500).prop_map(Settled::Known), Just(Settled::Unknown), Just(Settled::Nothing),];
    prop_oneof![
        10 => arrive,
        6 => any::<usize>().prop_map(Step::Send),
        6 => (any::<usize>(), settled).prop_map(|(index, settled)| Step::End(index, settled)),
        2 => any::<usize>().prop_map(Step::Leave),
        1 => any::<usize>().prop_map(Step::Cancel),
        1 => any_rules().prop_map(Step::Rules),
        1 => (1_u64..50_000).prop_map(Step::Pause),
    ]
}

fn run(simulation: &mut Simulation, schedule: &[(u64, Step)]) {
    for (gap, step) in schedule {
        simulation.advance_to(simulation.now + Duration::from_millis(*gap));
        match step.clone() {
            Step::Arrive { app, priority, tokens, patient } => simulation.arrive(app, priority, tokens, patient),
            Step::Send(index) => simulation.send(index),
            Step::End(index, settled) => simulation.end(index, settled),
            Step::Leave(index) => simulation.leave(index),
            Step::Cancel(index) => simulation.change(|state, now, wakers| {
                let waiting = state.line.iter().nth(index % state.line.len().max(1));
                if let Some(id) = waiting.map(|ticket| state.waiters[&ticket].ask.id) {
                    assert!(state.cancel(now, id, wakers));
                }
                assert!(!state.cancel(now, Uuid::nil(), wakers));
            }),
            Step::Rules(rules) => simulation.change(|state, now, wakers| state.apply(now, rules, wakers)),
            Step::Pause(length) => {
                simulation.change(|state, now, wakers| state.pause(now, now + Duration::from_millis(length), wakers));
            }
        }
    }
}

/// Everything at once: arrivals, sizes, sendings, endings, leavers, cancellations, pauses, new rules.
#[test]
fn whatever_happens_no_window_is_overfull_and_everybody_gets_one_answer() {
    let gap = prop_oneof![9 => 0_u64..6000, 1 => 0_u64..150_000];
    let schedules = (any_rules(), proptest::collection::vec((gap, step()), 1..80));
    let mut runner = TestRunner::new(Config { cases: SCHEDULES, failure_persistence: None, ..Config::default() });
    runner
        .run(&schedules, |(rules, schedule)| {
            let mut simulation = Simulation::new(rules);
            run(&mut simulation, &schedule);
            // At the end somebody has to take those who still wait.
            simulation.change(|state, now, wakers| {
                let rules = Rules { is_open: true, ..state.rules };
                state.apply(now, rules, wakers);
            });
            simulation.finish();
            Ok(())
        })
        .unwrap();
}

/// Keeps `apps` busy, each with so many waiting requests of these sizes, for so many windows; each is sent at once and
/// ends before the next moment.
fn saturate(simulation: &mut Simulation, (apps, waiting): (usize, usize), windows: u32, mut size: impl FnMut() -> u64) {
    simulation.checks_windows = false;
    let end = simulation.now + WINDOW * windows;
    while simulation.now < end {
        for app in 0..apps {
            while simulation.sleepers.values().filter(|sleeper| sleeper.app == app).count() < waiting {
                simulation.arrive(app, Priority::Normal, (size(), 0), true);
                while !simulation.runners.is_empty() {
                    simulation.send(0);
                    simulation.end(0, Settled::Unknown);
                }
            }
        }
        let next = simulation.sleepers.values().map(|sleeper| sleeper.until).min().unwrap();
        simulation.now = next.min(end);
        simulation.settle_down(Wakers::new());
        while !simulation.runners.is_empty() {
            simulation.send(0);
            simulation.end(0, Settled::Unknown);
        }
    }
}

/// The most that any interval of the window's length holds, wherever it begins.
fn fullest(log: &[Charge], what: impl Fn(&Charge) -> u64) -> u64 {
    let (mut first, mut sum, mut most) = (0, 0, 0);
    for charge in log {
        sum += what(charge);
        while log[first].at + WINDOW <= charge.at {
            sum -= what(&log[first]);
            first += 1;
        }
        most = most.max(sum);
    }
    most
}

/// With a limit that stays and a demand that never ends: every interval of 60 s, wherever it begins, holds at most the
/// limit, and at least 99 % of the limit goes out (all of it in 100.75 % of the time).
#[test]
fn a_limit_on_requests_is_kept_at_every_offset_and_used() {
    let cases = (1_u32..700, proptest::collection::vec(0_u64..3000, 0..40));
    let mut runner = TestRunner::new(Config { cases: 100, failure_persistence: None, ..Config::default() });
    runner
        .run(&cases, |(limit, gaps)| {
            let limits = Limits { requests_per_minute: Some(limit), ..Limits::default() };
            let mut simulation = Simulation::new(rules(limits));
            for gap in gaps {
                simulation.advance_to(simulation.now + Duration::from_millis(gap));
                simulation.arrive(0, Priority::Normal, (1, 0), false);
                simulation.send(0);
                simulation.end(0, Settled::Nothing);
            }
            let before = simulation.log.len();
            let windows = (1000 / limit).max(10);
            saturate(&mut simulation, (1, 3), windows, || 1);
            prop_assert!(fullest(&simulation.log, |charge| charge.requests) <= u64::from(limit));
            let used = u64::try_from(simulation.log.len() - before).unwrap();
            // Whatever was in the window at first has left after a window and its margin, and from then on again and
            // again: as often as that fits in, the whole limit has gone out.
            let cycles =
                u64::try_from((WINDOW * windows).as_millis() / (WINDOW.as_millis() * 10_075 / 10_000)).unwrap();
            prop_assert!(used >= u64::from(limit) * cycles, "{used} of {limit} in each of {cycles}");
            Ok(())
        })
        .unwrap();
}

/// The same for tokens. The line is not overtaken, so what is left over is less than the largest request.
#[test]
fn a_limit_on_tokens_is_kept_at_every_offset_and_used() {
    let cases = (20_000_u32..1_000_000, 1_u64..60);
    let mut runner = TestRunner::new(Config { cases: 60, failure_persistence: None, ..Config::default() });
    runner
        .run(&cases, |(limit, seed)| {
            let limits = Limits { tokens_per_minute: Some(limit), ..Limits::default() };
            let mut simulation = Simulation::new(rules(limits));
            let largest = u64::from(limit) / 300;
            let mut number = seed;
            saturate(&mut simulation, (1, 3), 10, || {
                number = number.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
                largest / 2 + (number >> 33) % (largest / 2 + 1)
            });
            prop_assert!(fullest(&simulation.log, |charge| charge.tokens) <= u64::from(limit));
            let used: u64 = simulation.log.iter().map(|charge| charge.tokens).sum();
            let bar = u64::from(limit) * 10 * 99 / 100;
            prop_assert!(used >= bar, "{used} of {bar}");
            Ok(())
        })
        .unwrap();
}

/// Under `fair`, busy apps get equal shares, however unequal their demand.
#[test]
fn busy_apps_get_equal_shares() {
    let cases = (2_usize..9, 1_u32..60);
    let mut runner = TestRunner::new(Config { cases: 40, failure_persistence: None, ..Config::default() });
    runner
        .run(&cases, |(apps, limit)| {
            let mut fair = rules(Limits { requests_per_minute: Some(limit), ..Limits::default() });
            fair.queue.order = QueueOrder::Fair;
            let mut simulation = Simulation::new(fair);
            // One of them floods.
            for _ in 0..500 {
                simulation.arrive(0, Priority::Normal, (1, 0), true);
            }
            simulation.admitted.clear();
            // More of each wait than go at once.
            let waiting = usize::try_from(limit).unwrap() + 1;
            saturate(&mut simulation, (apps, waiting), (2000 / limit).max(10), || 1);
            let mut shares = vec![0_usize; apps];
            for (_, app) in &simulation.admitted {
                shares[*app] += 1;
            }
            let fair_share = simulation.admitted.len() / apps;
            for share in shares {
                prop_assert!(share.abs_diff(fair_share) * 10 <= fair_share + 10, "{share} instead of {fair_share}");
            }
            Ok(())
        })
        .unwrap();
}
