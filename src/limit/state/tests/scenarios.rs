//! Single situations, each with what has to come of it.

use std::collections::BTreeSet;

use super::*;

fn limited(requests_per_minute: u32) -> Simulation {
    Simulation::new(rules(Limits { requests_per_minute: Some(requests_per_minute), ..Limits::default() }))
}

fn fill(simulation: &mut Simulation) {
    while simulation.sleepers.is_empty() {
        simulation.arrive(0, Priority::Normal, (1, 0), true);
        while let Some(index) = simulation.runners.iter().position(|runner| runner.entry.is_none()) {
            simulation.send(index);
        }
    }
}

#[test]
fn the_oldest_goes_when_the_line_is_full_or_the_newest_if_that_is_the_rule() {
    for (overflow, expected) in [(Overflow::EvictOldest, 1), (Overflow::RejectNewest, 4)] {
        let mut simulation = limited(1);
        simulation.state.rules.queue = QueuePolicy { length: 3, overflow, ..simulation.state.rules.queue };
        fill(&mut simulation);
        for app in 2..=4 {
            simulation.arrive(app, Priority::Normal, (1, 0), true);
        }
        let left: BTreeSet<usize> = simulation.sleepers.values().map(|sleeper| sleeper.app).collect();
        let evicts = overflow == Overflow::EvictOldest;
        assert_eq!(left.len(), 3);
        assert!(!left.contains(&if evicts { 0 } else { expected }), "{left:?}");
        let found = simulation.refused.as_slice();
        assert!(matches!(found, [Refusal::Evicted { .. } | Refusal::QueueFull { .. }]), "{found:?}");
        assert_eq!(matches!(found, [Refusal::Evicted { .. }]), evicts);
        simulation.finish();
    }
}

#[test]
fn under_fair_a_flood_drives_out_its_own() {
    let mut simulation = limited(1);
    simulation.state.rules.queue.order = QueueOrder::Fair;
    simulation.state.line = Line::new(QueueOrder::Fair);
    simulation.state.rules.queue.length = 5;
    fill(&mut simulation);
    simulation.arrive(7, Priority::Normal, (1, 0), true);
    for _ in 0..50 {
        simulation.arrive(0, Priority::Normal, (1, 0), true);
    }
    assert_eq!(simulation.sleepers.values().filter(|sleeper| sleeper.app == 7).count(), 1);
    simulation.finish();
}

#[test]
fn urgent_requests_go_first_and_are_not_driven_out_by_others() {
    let mut simulation = limited(1);
    simulation.state.rules.queue.length = 2;
    fill(&mut simulation);
    simulation.arrive(1, Priority::High, (1, 0), true);
    // Full now: the normal one makes way, and then nobody does.
    simulation.arrive(2, Priority::High, (1, 0), true);
    simulation.arrive(3, Priority::Low, (1, 0), true);
    assert!(matches!(simulation.refused.as_slice(), [Refusal::Evicted { .. }, Refusal::QueueFull { .. }]));
    simulation.advance_to(simulation.now + WINDOW * 2);
    assert_eq!(simulation.admitted.last().unwrap().1, 1);
    simulation.finish();
}

#[test]
fn a_request_that_never_fits_is_refused_at_once_and_a_guess_gives_way() {
    let mut simulation = Simulation::new(rules(Limits { tokens_per_minute: Some(100), ..Limits::default() }));
    // App 0 names its bound, app 1 does not.
    simulation.arrive(0, Priority::Normal, (50, 51), true);
    assert_eq!(simulation.refused, [Refusal::NeverFits { tokens: 101, limit: 100 }]);
    simulation.arrive(1, Priority::Normal, (101, 0), true);
    assert_eq!(simulation.refused.len(), 2);
    simulation.arrive(1, Priority::Normal, (50, 5000), true);
    assert_eq!(simulation.runners[0].reserved, 100);
    // A limit that falls below what somebody waits for refuses them.
    simulation.arrive(0, Priority::Normal, (40, 40), true);
    simulation.change(|state, now, wakers| {
        state.apply(now, rules(Limits { tokens_per_minute: Some(79), ..Limits::default() }), wakers);
    });
    assert_eq!(simulation.refused.last(), Some(&Refusal::NeverFits { tokens: 80, limit: 79 }));
    simulation.finish();
}

#[test]
fn a_raised_limit_lets_waiters_go_at_once() {
    let mut simulation = limited(2);
    fill(&mut simulation);
    for _ in 0..4 {
        simulation.arrive(0, Priority::Normal, (1, 0), true);
    }
    let admitted = simulation.admitted.len();
    simulation.change(|state, now, wakers| {
        state.apply(now, rules(Limits { requests_per_minute: Some(5), ..Limits::default() }), wakers);
    });
    assert_eq!(simulation.admitted.len(), admitted + 3);
    simulation.finish();
}

#[test]
fn an_owner_that_is_switched_off_refuses_those_who_wait_and_those_who_come() {
    let mut simulation = limited(1);
    fill(&mut simulation);
    simulation.change(State::close);
    simulation.arrive(0, Priority::Normal, (1, 0), true);
    assert_eq!(simulation.refused, [Refusal::Gone, Refusal::Gone]);
    // Its window is still there when it comes back.
    simulation.change(|state, now, wakers| {
        state.apply(now, rules(Limits { requests_per_minute: Some(1), ..Limits::default() }), wakers);
    });
    simulation.arrive(0, Priority::Normal, (1, 0), false);
    assert!(matches!(simulation.refused.last(), Some(Refusal::NoRoom { limit: LimitName::ServerRequests, .. })));
    simulation.finish();
}

#[test]
fn the_deadline_is_kept_to_the_instant() {
    let mut simulation = limited(1);
    simulation.state.rules.queue.deadline_ms = 2000;
    fill(&mut simulation);
    let began = simulation.now;
    simulation.advance_to(began + Duration::from_millis(1999));
    assert!(simulation.refused.is_empty());
    simulation.advance_to(began + Duration::from_secs(2));
    assert_eq!(simulation.refused, [Refusal::TimedOut { waited: Duration::from_secs(2) }]);
    simulation.finish();
}

#[test]
fn whoever_waits_when_the_drain_is_over_is_told_so() {
    let mut simulation = limited(1);
    fill(&mut simulation);
    let now = simulation.now;
    simulation.change(|state, now, wakers| state.drain(now, now + Duration::from_secs(15), wakers));
    simulation.advance_to(now + Duration::from_secs(14));
    assert!(simulation.refused.is_empty());
    simulation.advance_to(now + Duration::from_secs(15));
    simulation.arrive(0, Priority::Normal, (1, 0), true);
    assert_eq!(simulation.refused, [Refusal::ShuttingDown, Refusal::ShuttingDown]);
    simulation.finish();
}

#[test]
fn a_pause_is_extended_and_never_shortened() {
    let mut simulation = limited(100);
    let began = simulation.now;
    for seconds in [20, 5, 30] {
        simulation.change(|state, now, wakers| state.pause(now, now + Duration::from_secs(seconds), wakers));
    }
    simulation.arrive(0, Priority::Normal, (1, 0), true);
    simulation.advance_to(began + Duration::from_millis(29_999));
    assert!(simulation.admitted.is_empty());
    simulation.advance_to(began + Duration::from_secs(30));
    assert_eq!(simulation.admitted.len(), 1);
    simulation.finish();
}

#[test]
fn those_who_come_back_have_their_turns_again() {
    let mut simulation = limited(3);
    let mut turns = Vec::new();
    for _ in 0..3 {
        let (now, mut wakers) = (simulation.now, Wakers::new());
        let patience = Patience::Since { began: now, deadline: None, returns: None };
        match simulation.state.ask(now, &ask(1, Priority::Normal, (1, 0)), patience, &mut wakers) {
            Answer::Granted(grant) => turns.push(grant.ticket),
            other => panic!("{other:?}"),
        }
    }
    // All three are refused upstream, and meanwhile somebody else waits.
    simulation.arrive(0, Priority::Normal, (1, 0), true);
    simulation.state.rules.queue.length = 1;
    for ticket in turns.iter().copied() {
        let (now, mut wakers) = (simulation.now, Wakers::new());
        let patience = Patience::Since { began: now, deadline: None, returns: Some(crate::limit::Turn(ticket.0)) };
        let answer = simulation.state.ask(now, &ask(1, Priority::Normal, (1, 0)), patience, &mut wakers);
        assert!(matches!(answer, Answer::Waits(again, LimitName::ServerRequests) if again == ticket), "{answer:?}");
    }
    let order: Vec<Ticket> = simulation.state.line.iter().collect();
    assert_eq!(order[..3], turns, "in the order in which they came, in front of the one that came later");
    assert_eq!(order.len(), 4, "and nobody has to make way for them");
}

#[test]
fn room_that_is_there_is_used_before_anybody_has_to_make_way() {
    for overflow in [Overflow::EvictOldest, Overflow::RejectNewest] {
        let mut simulation = limited(1);
        simulation.state.rules.queue = QueuePolicy { length: 1, overflow, ..simulation.state.rules.queue };
        fill(&mut simulation);
        // The window frees, and before the one that waits has looked, somebody comes.
        simulation.now += WINDOW + Duration::from_secs(1);
        simulation.arrive(1, Priority::Normal, (1, 0), true);
        assert_eq!(simulation.refused, []);
        assert_eq!((simulation.admitted.len(), simulation.sleepers.len()), (2, 1));
        simulation.finish();
    }
}

#[test]
fn an_urgent_request_that_fits_drives_nobody_out() {
    let mut simulation = Simulation::new(rules(Limits { tokens_per_minute: Some(100), ..Limits::default() }));
    simulation.state.rules.queue.length = 1;
    simulation.arrive(0, Priority::Normal, (50, 0), true);
    simulation.arrive(0, Priority::Normal, (60, 0), true);
    simulation.arrive(0, Priority::High, (10, 0), true);
    assert_eq!((simulation.admitted.len(), simulation.sleepers.len(), simulation.refused.len()), (2, 1, 0));
    simulation.finish();
}

#[test]
fn sums_do_not_run_over() {
    let mut simulation = limited(100);
    simulation.arrive(0, Priority::Normal, (u64::MAX, u64::MAX), true);
    for _ in 0..5 {
        simulation.arrive(1, Priority::Normal, (1000, 1), true);
    }
    simulation.checks_windows = false;
    (0..6).for_each(|index| simulation.send(index));
    simulation.end(0, Settled::Known(10));
    assert_eq!(simulation.state.view(simulation.now).tokens.used, 5 * 1001 + 10);
}

#[test]
fn an_answer_larger_than_expected_is_charged_in_full_and_delays_what_follows() {
    let mut simulation = Simulation::new(rules(Limits { tokens_per_minute: Some(1000), ..Limits::default() }));
    let began = simulation.now;
    simulation.arrive(0, Priority::Normal, (100, 100), true);
    simulation.send(0);
    simulation.advance_to(began + Duration::from_secs(30));
    simulation.end(0, Settled::Known(1500));
    simulation.arrive(0, Priority::Normal, (100, 0), true);
    assert_eq!(simulation.state.view(simulation.now).tokens.used, 1500);
    simulation.advance_to(began + Duration::from_secs(90));
    assert_eq!(simulation.admitted.len(), 1, "what came later counts from when it came");
    simulation.advance_to(began + Duration::from_millis(90_500));
    assert_eq!(simulation.admitted.len(), 2);
    simulation.finish();
}
