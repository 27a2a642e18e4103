//! Generated schedules against [`State`], in virtual time.
//!
//! Waiters behave as the futures in [`gate`](super::super::gate) do: they look when they are woken or when the moment that
//! they were told has come, and at no other time. So a wake-up that is missing shows as somebody who could go and does not.
#![expect(clippy::unwrap_used, clippy::indexing_slicing, clippy::panic, reason = "tests")]

mod scenarios;
mod schedules;

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::task::Wake;

use uuid::Uuid;

use super::*;
use crate::model::{Priority, QueueOrder, ServerId};

const WINDOW: Duration = Duration::from_mins(1);

#[derive(Default)]
struct Flag(AtomicBool);

impl Wake for Flag {
    fn wake(self: Arc<Self>) {
        self.0.store(true, Ordering::Relaxed);
    }
}

/// Somebody in the line.
struct Sleeper {
    flag: Arc<Flag>,
    until: Instant,
    app: usize,
}

/// Somebody who was let in.
struct Runner {
    reserved: u64,
    stage: Stage,
    /// Where in the log it stands, once it is sent.
    entry: Option<usize>,
}

/// What was charged when.
#[derive(Clone, Copy)]
struct Charge {
    at: Instant,
    requests: u64,
    tokens: u64,
}

struct Simulation {
    state: State,
    now: Instant,
    sleepers: BTreeMap<Ticket, Sleeper>,
    runners: Vec<Runner>,
    log: Vec<Charge>,
    arrived: usize,
    admitted: Vec<(Instant, usize)>,
    refused: Vec<Refusal>,
    left: usize,
    checks_windows: bool,
}

impl Simulation {
    fn new(rules: Rules) -> Self {
        Self {
            state: State::new(Owner::Server(ServerId(1)), rules, WINDOW),
            now: Instant::now(),
            sleepers: BTreeMap::new(),
            runners: Vec::new(),
            log: Vec::new(),
            arrived: 0,
            admitted: Vec::new(),
            refused: Vec::new(),
            left: 0,
            checks_windows: true,
        }
    }

    fn arrive(&mut self, app: usize, priority: Priority, tokens: (u64, u64), patient: bool) {
        self.arrived += 1;
        let ask = ask(app, priority, tokens);
        let patience =
            if patient { Patience::Since { began: self.now, deadline: None, returns: None } } else { Patience::None };
        let before: Vec<Ticket> = self.state.line.iter().collect();
        let mut wakers = Wakers::new();
        match self.state.ask(self.now, &ask, patience, &mut wakers) {
            Answer::Granted(grant) => {
                let overtaken = before.iter().any(|ticket| self.state.waiters[ticket].ask.priority >= priority);
                assert!(!overtaken, "somebody new went in front of those who wait");
                self.admit(app, grant);
            }
            Answer::Waits(ticket, _) => {
                assert!(patient);
                let sleeper = Sleeper { flag: Arc::default(), until: self.now, app };
                self.sleepers.insert(ticket, sleeper);
            }
            Answer::Refused(refusal) => self.refused.push(refusal),
        }
        self.settle_down(wakers);
    }

    fn admit(&mut self, app: usize, grant: Grant) {
        self.admitted.push((self.now, app));
        self.runners.push(Runner { reserved: grant.tokens, stage: Stage::Held, entry: None });
        if self.checks_windows {
            self.check_window();
        }
    }

    /// At a moment when somebody was let in, nothing that counts is over a limit; recomputed from the log alone.
    fn check_window(&self) {
        let counts = |charge: &&Charge| self.now < charge.at + WINDOW;
        let (mut requests, mut tokens) = (0, 0);
        for charge in self.log.iter().filter(counts) {
            requests += charge.requests;
            tokens += charge.tokens;
        }
        for runner in self.runners.iter().filter(|runner| runner.entry.is_none()) {
            requests += 1;
            tokens += runner.reserved;
        }
        let limits = self.state.rules.limits;
        assert!(requests <= limits.requests_per_minute.map_or(u64::MAX, u64::from), "{requests} requests");
        assert!(tokens <= limits.tokens_per_minute.map_or(u64::MAX, u64::from), "{tokens} tokens");
        let under_way = u32::try_from(self.runners.len()).unwrap();
        assert!(under_way <= limits.concurrency.unwrap_or(u32::MAX), "{under_way} at the same time");
    }

    fn send(&mut self, index: usize) {
        if self.runners.is_empty() {
            return;
        }
        let index = index % self.runners.len();
        let runner = &mut self.runners[index];
        if runner.entry.is_none() {
            let mut wakers = Wakers::new();
            runner.stage = Stage::Sent(self.state.send(self.now, runner.reserved, &mut wakers));
            runner.entry = Some(self.log.len());
            self.log.push(Charge { at: self.now, requests: 1, tokens: runner.reserved });
            self.settle_down(wakers);
        }
    }

    fn end(&mut self, index: usize, settled: Settled) {
        if self.runners.is_empty() {
            return;
        }
        let runner = self.runners.swap_remove(index % self.runners.len());
        let mut wakers = Wakers::new();
        let charged = self.state.end(self.now, runner.stage, runner.reserved, settled, &mut wakers);
        match runner.entry {
            None => assert_eq!(charged, 0, "what was not sent is not charged"),
            Some(entry) => {
                let expected = match settled {
                    Settled::Known(tokens) => tokens,
                    Settled::Unknown => runner.reserved,
                    Settled::Nothing => 0,
                };
                assert_eq!(charged, expected);
                self.log[entry].tokens = charged.min(runner.reserved);
                if charged > runner.reserved {
                    self.log.push(Charge { at: self.now, requests: 0, tokens: charged - runner.reserved });
                }
            }
        }
        self.settle_down(wakers);
    }

    fn leave(&mut self, index: usize) {
        let Some(ticket) = self.sleepers.keys().nth(index % self.sleepers.len().max(1)).copied() else { return };
        self.sleepers.remove(&ticket);
        self.left += 1;
        let mut wakers = Wakers::new();
        self.state.leave(self.now, ticket, &mut wakers);
        self.settle_down(wakers);
    }

    fn change(&mut self, work: impl FnOnce(&mut State, Instant, &mut Wakers)) {
        let mut wakers = Wakers::new();
        work(&mut self.state, self.now, &mut wakers);
        self.settle_down(wakers);
    }

    /// Everybody who was woken, or whose moment has come, looks; until nobody has a reason to.
    fn settle_down(&mut self, wakers: Wakers) {
        wakers.into_iter().for_each(Waker::wake);
        loop {
            self.check_order();
            let due = self
                .sleepers
                .iter()
                .find(|(_, sleeper)| sleeper.until <= self.now || sleeper.flag.0.load(Ordering::Relaxed));
            let Some(ticket) = due.map(|(ticket, _)| *ticket) else { break };
            let sleeper = self.sleepers.get_mut(&ticket).unwrap();
            sleeper.flag.0.store(false, Ordering::Relaxed);
            let waker = Waker::from(Arc::clone(&sleeper.flag));
            let mut wakers = Wakers::new();
            match self.state.look(self.now, ticket, &waker, &mut wakers) {
                Look::Granted(grant) => {
                    let app = self.sleepers.remove(&ticket).unwrap().app;
                    self.admit(app, grant);
                }
                Look::Refused(refusal) => {
                    self.sleepers.remove(&ticket);
                    self.refused.push(refusal);
                }
                Look::Sleeps(until) => {
                    assert!(until > self.now, "a waiter that sleeps until now never rests");
                    sleeper.until = until;
                }
            }
            wakers.into_iter().for_each(Waker::wake);
        }
        // Nobody sleeps who could go.
        self.state.window.expire(self.now);
        if let Some(ticket) = self.state.line.next() {
            let tokens = self.state.need(&self.state.waiters[&ticket].ask).unwrap();
            assert!(self.state.blocked_by(self.now, tokens).is_some(), "a waiter that could go sleeps");
        }
        assert!(self.state.waiting() <= self.state.rules.queue.length);
    }

    /// Under `fifo`, nobody waits who came before somebody of the same urgency that may go.
    fn check_order(&self) {
        if self.state.rules.queue.order == QueueOrder::Fair {
            return;
        }
        for priority in Priority::ALL {
            let of_priority = |wants_answer: bool| {
                self.state.waiters.iter().filter(move |(_, waiter)| {
                    waiter.ask.priority == *priority
                        && match waiter.answer {
                            Some(Ok(_)) => wants_answer,
                            Some(Err(_)) => false,
                            None => !wants_answer,
                        }
                })
            };
            let last_to_go = of_priority(true).map(|(ticket, _)| *ticket).max();
            let first_to_wait = of_priority(false).map(|(ticket, _)| *ticket).min();
            if let (Some(goes), Some(waits)) = (last_to_go, first_to_wait) {
                assert!(goes < waits, "{goes:?} goes before {waits:?}");
            }
        }
    }

    fn advance_to(&mut self, end: Instant) {
        loop {
            let next = self.sleepers.values().map(|sleeper| sleeper.until).min();
            match next.filter(|next| *next <= end) {
                Some(next) => self.now = self.now.max(next),
                None => break,
            }
            self.settle_down(Wakers::new());
        }
        self.now = end;
        self.settle_down(Wakers::new());
    }

    /// Lets everything come to its end and looks whether anything is left.
    fn finish(&mut self) {
        while !self.runners.is_empty() {
            self.end(0, Settled::Nothing);
        }
        self.advance_to(self.now + Duration::from_hours(3));
        while !self.runners.is_empty() {
            self.end(0, Settled::Nothing);
            self.advance_to(self.now + Duration::from_hours(3));
        }
        assert!(self.sleepers.is_empty(), "somebody waits for ever");
        assert_eq!(self.arrived, self.admitted.len() + self.refused.len() + self.left, "everybody gets one answer");
        assert!(self.state.is_idle(self.now));
        assert_eq!(self.state.line.len(), 0);
        assert!(self.state.leader.is_none() && self.state.line.iter().next().is_none());
        assert!(self.state.waiters.capacity() <= 64 && self.state.window.is_bare(), "memory is kept");
    }
}

fn ask(app: usize, priority: Priority, (input_tokens, output_tokens): (u64, u64)) -> Ask {
    Ask {
        id: Uuid::now_v7(),
        app_name: Arc::from(format!("app-{app}")),
        model: Arc::from("model"),
        input_tokens,
        output_tokens,
        output_is_bound: app.is_multiple_of(2),
        priority,
    }
}

fn rules(limits: Limits) -> Rules {
    let queue = QueuePolicy { length: 10_000, deadline_ms: 3_600_000, ..QueuePolicy::default() };
    Rules { limits, queue, is_open: true }
}
