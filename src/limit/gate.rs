//! One owner's limits in front of requests that run at the same time: admission, waiting, giving back.
//!
//! All decisions are made in [`State`] behind one lock; here are the sleeping and the waking. A waiter sleeps in its own
//! future: the one whose turn it is until the moment when it will fit, the others until their deadline. Nobody polls, and
//! no task of its own has to stay alive.

use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, Waker};
use std::time::Duration;

use parking_lot::Mutex;
use tokio::time::{Instant, Sleep};

use super::limiter::{Admission, Ask, Headroom, Held, Owner, Patience, Permit, Refusal, Settled, Turn};
use super::line::Ticket;
use super::lock::Lock;
use super::state::{Answer, Grant, Look, Rules, Stage, State, Wakers};

/// One owner's limits, window and line.
#[derive(Debug)]
pub(super) struct Gate<L = Mutex<State>> {
    state: L,
}

impl<L: Lock<State>> Gate<L> {
    pub(super) fn new(owner: Owner, rules: Rules, window: Duration) -> Self {
        Self { state: L::around(State::new(owner, rules, window)) }
    }

    /// Works on the state and then wakes whoever has news; the lock is open again when they run.
    pub(super) fn with<R>(&self, work: impl FnOnce(&mut State, &mut Wakers) -> R) -> R {
        let mut wakers = Wakers::new();
        let result = self.state.with(|state| work(state, &mut wakers));
        for waker in wakers {
            waker.wake();
        }
        result
    }

    /// The first answer to a request.
    pub(super) fn ask(&self, now: Instant, ask: &Ask, patience: Patience) -> Answer {
        self.with(|state, wakers| state.ask(now, ask, patience, wakers))
    }

    /// What became of a waiting request.
    pub(super) fn look(&self, now: Instant, ticket: Ticket, waker: &Waker) -> Look {
        self.with(|state, wakers| state.look(now, ticket, waker, wakers))
    }
}

impl Gate {
    /// Lets a request in, has it wait, or refuses it.
    pub(super) fn admit(self: &Arc<Self>, ask: &Ask, patience: Patience) -> Admission {
        match self.ask(Instant::now(), ask, patience) {
            Answer::Granted(grant) => Admission::Admitted(self.permit(grant)),
            Answer::Waits(ticket, limit) => {
                let waiting = Waiting { gate: Arc::clone(self), ticket: Some(ticket), sleep: None };
                Admission::Waiting { limit, permit: Box::pin(waiting) }
            }
            Answer::Refused(refusal) => Admission::Refused(refusal),
        }
    }

    fn permit(self: &Arc<Self>, grant: Grant) -> Permit {
        let place = TakenPlace { gate: Arc::clone(self), grant, stage: Some(Stage::Held) };
        Permit::new(Box::new(place))
    }
}

/// A request in the line. Dropping it leaves the line at once.
struct Waiting {
    gate: Arc<Gate>,
    /// None once it has its answer.
    ticket: Option<Ticket>,
    sleep: Option<Pin<Box<Sleep>>>,
}

impl Future for Waiting {
    type Output = Result<Permit, Refusal>;

    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Self::Output> {
        let this = &mut *self;
        let Some(ticket) = this.ticket else { return Poll::Ready(Err(Refusal::Gone)) };
        loop {
            let until = match this.gate.look(Instant::now(), ticket, context.waker()) {
                Look::Granted(grant) => {
                    this.ticket = None;
                    return Poll::Ready(Ok(this.gate.permit(grant)));
                }
                Look::Refused(refusal) => {
                    this.ticket = None;
                    return Poll::Ready(Err(refusal));
                }
                Look::Sleeps(until) => until,
            };
            let sleep = match &mut this.sleep {
                Some(sleep) => {
                    if sleep.deadline() != until {
                        sleep.as_mut().reset(until);
                    }
                    sleep
                }
                None => this.sleep.insert(Box::pin(tokio::time::sleep_until(until))),
            };
            if sleep.as_mut().poll(context).is_pending() {
                return Poll::Pending;
            }
        }
    }
}

impl Drop for Waiting {
    fn drop(&mut self) {
        if let Some(ticket) = self.ticket.take() {
            let now = Instant::now();
            self.gate.with(|state, wakers| state.leave(now, ticket, wakers));
        }
    }
}

/// The place that a request has taken.
struct TakenPlace {
    gate: Arc<Gate>,
    grant: Grant,
    /// None once it was given back.
    stage: Option<Stage>,
}

impl TakenPlace {
    fn end(&mut self, settled: Settled) -> u64 {
        let Some(stage) = self.stage.take() else { return 0 };
        let now = Instant::now();
        self.gate.with(|state, wakers| state.end(now, stage, self.grant.tokens, settled, wakers))
    }
}

impl Held for TakenPlace {
    fn sent(&mut self) {
        if let Some(Stage::Held) = self.stage {
            let now = Instant::now();
            let slot = self.gate.with(|state, wakers| state.send(now, self.grant.tokens, wakers));
            self.stage = Some(Stage::Sent(slot));
        }
    }

    fn sent_again(&mut self) {
        if let Some(Stage::Sent(slot)) = self.stage {
            let now = Instant::now();
            let slot = self.gate.with(|state, _| state.send_again(now, slot, self.grant.tokens));
            self.stage = Some(Stage::Sent(slot));
        }
    }

    fn turn(&self) -> Turn {
        Turn(self.grant.ticket.0)
    }

    fn settle(&mut self, settled: Settled) -> u64 {
        self.end(settled)
    }

    fn headroom(&self) -> Headroom {
        let now = Instant::now();
        self.gate.with(|state, _| state.headroom(now))
    }
}

impl Drop for TakenPlace {
    fn drop(&mut self) {
        self.end(Settled::Unknown);
    }
}

#[cfg(test)]
mod tests;
