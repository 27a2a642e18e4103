//! Every interleaving of the hand-off between "room was made" and "somebody begins to wait", by a model checker.
//!
//! A wake-up that gets lost in any of them shows as a deadlock, and two at the same time where one is allowed as a failed
//! assertion. The time stands still: what is checked is the hand-off and not the clock.

use std::future::poll_fn;

use loom::future::block_on;
use loom::sync::Mutex;
use loom::sync::atomic::{AtomicUsize, Ordering};
use loom::thread;
use uuid::Uuid;

use super::super::*;
use crate::model::{Limits, Priority, QueueOrder, QueuePolicy, ServerId};

impl<T> Lock<T> for Mutex<T> {
    fn around(value: T) -> Self {
        Self::new(value)
    }

    fn with<R>(&self, work: impl FnOnce(&mut T) -> R) -> R {
        work(&mut self.lock().unwrap())
    }
}

/// A gate that lets one through at a time, and who is inside.
#[derive(Clone)]
struct Scene {
    gate: loom::sync::Arc<Gate<Mutex<State>>>,
    inside: loom::sync::Arc<AtomicUsize>,
    now: Instant,
}

impl Scene {
    fn new(order: QueueOrder) -> Self {
        Self::with(Limits { concurrency: Some(1), ..Limits::default() }, order)
    }

    fn with(limits: Limits, order: QueueOrder) -> Self {
        let queue = QueuePolicy { order, deadline_ms: 3_600_000, ..QueuePolicy::default() };
        let rules = Rules { limits, queue, is_open: true };
        let gate = Gate::new(Owner::Server(ServerId(1)), rules, Duration::from_mins(1));
        Self {
            gate: loom::sync::Arc::new(gate),
            inside: loom::sync::Arc::new(AtomicUsize::new(0)),
            now: Instant::now(),
        }
    }

    fn ask(&self, app: &str) -> Answer {
        let ask = Ask {
            id: Uuid::nil(),
            app_name: Arc::from(app),
            model: Arc::from("model"),
            input_tokens: 1,
            output_tokens: 1,
            output_is_bound: false,
            priority: Priority::Normal,
        };
        let patience = Patience::Since { began: self.now, deadline: None, returns: None };
        self.gate.ask(self.now, &ask, patience)
    }

    fn enter(&self) {
        assert_eq!(self.inside.fetch_add(1, Ordering::SeqCst), 0, "two are inside");
    }

    fn end(&self) {
        self.inside.fetch_sub(1, Ordering::SeqCst);
        self.gate.with(|state, wakers| state.end(self.now, Stage::Held, 2, Settled::Nothing, wakers));
    }

    fn leave(&self, ticket: Ticket) {
        self.gate.with(|state, wakers| state.leave(self.now, ticket, wakers));
    }

    /// Asks, waits if it has to, goes in and comes out.
    fn pass(&self, app: &str) {
        if let Answer::Waits(ticket, _) = self.ask(app) {
            let granted = block_on(poll_fn(|context| match self.gate.look(self.now, ticket, context.waker()) {
                Look::Granted(_) => Poll::Ready(true),
                Look::Refused(_) => Poll::Ready(false),
                Look::Sleeps(_) => Poll::Pending,
            }));
            assert!(granted);
        }
        self.enter();
        self.end();
    }
}

#[test]
fn room_that_is_made_while_somebody_begins_to_wait_is_not_missed() {
    loom::model(|| {
        let scene = Scene::new(QueueOrder::Fifo);
        assert!(matches!(scene.ask("a"), Answer::Granted(_)));
        scene.enter();
        let other = scene.clone();
        let holder = thread::spawn(move || other.end());
        scene.pass("b");
        holder.join().unwrap();
        assert!(scene.gate.with(|state, _| state.is_idle(scene.now)));
    });
}

#[test]
fn two_who_wait_go_one_after_the_other() {
    for order in [QueueOrder::Fifo, QueueOrder::Fair] {
        loom::model(move || {
            let scene = Scene::new(order);
            assert!(matches!(scene.ask("a"), Answer::Granted(_)));
            scene.enter();
            let other = scene.clone();
            let waiter = thread::spawn(move || other.pass("b"));
            scene.end();
            scene.pass("c");
            waiter.join().unwrap();
            assert!(scene.gate.with(|state, _| state.is_idle(scene.now)));
        });
    }
}

#[test]
fn room_that_was_laid_out_for_somebody_who_leaves_goes_to_the_next() {
    loom::model(|| {
        let scene = Scene::new(QueueOrder::Fifo);
        assert!(matches!(scene.ask("a"), Answer::Granted(_)));
        scene.enter();
        let Answer::Waits(leaver, _) = scene.ask("b") else { unreachable!("the place is taken") };
        let other = scene.clone();
        let holder = thread::spawn(move || other.end());
        scene.leave(leaver);
        scene.pass("c");
        holder.join().unwrap();
        assert!(scene.gate.with(|state, _| state.is_idle(scene.now)));
    });
}

#[test]
fn what_is_sent_while_somebody_begins_to_wait_tells_it_when_there_will_be_room() {
    loom::model(|| {
        let scene = Scene::with(Limits { requests_per_minute: Some(1), ..Limits::default() }, QueueOrder::Fifo);
        assert!(matches!(scene.ask("a"), Answer::Granted(_)));
        let other = scene.clone();
        let sender = thread::spawn(move || {
            other.gate.with(|state, wakers| state.send(other.now, 2, wakers));
        });
        let Answer::Waits(ticket, _) = scene.ask("b") else { unreachable!("the place is taken") };
        // Until it knows the moment, it must be woken again.
        block_on(poll_fn(|context| match scene.gate.look(scene.now, ticket, context.waker()) {
            Look::Sleeps(until) if until < scene.now + Duration::from_secs(61) => Poll::Ready(()),
            _ => Poll::Pending,
        }));
        sender.join().unwrap();
    });
}

#[test]
fn a_limit_that_is_raised_while_somebody_begins_to_wait_is_not_missed() {
    loom::model(|| {
        let scene = Scene::new(QueueOrder::Fifo);
        assert!(matches!(scene.ask("a"), Answer::Granted(_)));
        let other = scene.clone();
        let administrator = thread::spawn(move || {
            let limits = Limits { concurrency: Some(2), ..Limits::default() };
            let rules = Rules { limits, queue: QueuePolicy::default(), is_open: true };
            other.gate.with(|state, wakers| state.apply(other.now, rules, wakers));
        });
        scene.pass("b");
        administrator.join().unwrap();
    });
}
