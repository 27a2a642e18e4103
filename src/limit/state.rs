//! What one owner's limits know, and every decision about it: pure, with the time handed in.
//!
//! Invariants, which the property tests hold against generated schedules:
//!
//! - While anybody waits, nobody new goes in front of the one whose turn it is.
//! - A request is in the line, or its answer is laid out for it, or it is not here; its answer is laid out once.
//! - What counts is never more than the limit when a request is let in.
//! - Whoever may have become able to go is woken: a waiter that leads the line sleeps until the moment that
//!   [`State::look`] named, and is woken when that moment becomes earlier.

use std::collections::HashMap;
use std::task::Waker;
use std::time::Duration;

use tokio::time::Instant;

use super::limiter::{Ask, Headroom, Owner, Patience, Refusal, Room, Settled};
use super::line::{Line, Place, Ticket};
use super::window::{SlotId, Window};
use crate::model::{Fill, LimitName, LimitState, Limits, Overflow, QueuePolicy, QueueState, UpstreamQuota, WaiterView};

/// Waiters that a view names.
const WAITERS_SHOWN: usize = 100;
/// No request is expected to take more, whatever it says: sums stay far from running over.
const TOKENS_MAX: u64 = 1 << 40;
/// What `Retry-After` says where the moment depends on requests that are under way.
const RETRY_UNKNOWN: Duration = Duration::from_secs(1);

/// The rules of one owner.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Rules {
    pub(super) limits: Limits,
    pub(super) queue: QueuePolicy,
    /// Whether it takes requests at all.
    pub(super) is_open: bool,
}

/// Limits, window and line of one owner.
#[derive(Debug)]
pub(super) struct State {
    owner: Owner,
    rules: Rules,
    window: Window,
    under_way: u32,
    paused_until: Option<Instant>,
    drained_at: Option<Instant>,
    quota: Option<UpstreamQuota>,
    line: Line,
    waiters: HashMap<Ticket, Waiter>,
    last_ticket: u64,
    /// Who leads the line, and until when it sleeps.
    leader: Option<(Ticket, Option<Instant>)>,
}

#[derive(Debug)]
struct Waiter {
    ask: Ask,
    place: Place,
    began: Instant,
    deadline: Option<Duration>,
    since: Instant,
    since_ms: i64,
    limited_by: LimitName,
    waker: Option<Waker>,
    answer: Option<Result<Grant, Refusal>>,
}

/// What a request was given.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Grant {
    /// Its turn.
    pub(super) ticket: Ticket,
    /// Tokens that are reserved.
    pub(super) tokens: u64,
}

/// How far a granted request is in the window.
#[derive(Clone, Copy, Debug)]
pub(super) enum Stage {
    /// Let in and not sent.
    Held,
    /// Sent.
    Sent(SlotId),
}

/// The first answer to a request.
#[derive(Debug)]
pub(super) enum Answer {
    /// It may go.
    Granted(Grant),
    /// It has a place in the line, for want of this.
    Waits(Ticket, LimitName),
    /// It may not go.
    Refused(Refusal),
}

/// What a waiting request finds when it looks.
#[derive(Debug)]
pub(super) enum Look {
    /// It may go.
    Granted(Grant),
    /// It may not go.
    Refused(Refusal),
    /// It sleeps until it is woken, or until then.
    Sleeps(Instant),
}

/// Wakers to call once the lock is open again.
pub(super) type Wakers = Vec<Waker>;

impl State {
    pub(super) fn new(owner: Owner, rules: Rules, window: Duration) -> Self {
        Self {
            owner,
            rules,
            window: Window::new(window),
            under_way: 0,
            paused_until: None,
            drained_at: None,
            quota: None,
            line: Line::new(rules.queue.order),
            waiters: HashMap::new(),
            last_ticket: 0,
            leader: None,
        }
    }

    /// A request asks to be let in.
    pub(super) fn ask(&mut self, now: Instant, ask: &Ask, patience: Patience, wakers: &mut Wakers) -> Answer {
        if !self.rules.is_open {
            return Answer::Refused(Refusal::Gone);
        }
        self.window.expire(now);
        let tokens = match self.need(ask) {
            Ok(tokens) => tokens,
            Err(refusal) => return Answer::Refused(refusal),
        };
        // Whoever became able to go by the time that has passed goes before room is looked for.
        self.advance(now, wakers);
        let ticket = if let Patience::Since { returns: Some(turn), .. } = patience {
            Ticket(turn.0)
        } else {
            self.last_ticket += 1;
            Ticket(self.last_ticket)
        };
        let blocked_by = self.blocked_by(now, tokens);
        if blocked_by.is_none() && self.line.is_led_by(ask.priority) {
            return Answer::Granted(self.grant(ticket, tokens));
        }
        // Somebody else waits if nothing blocks this one.
        let limit = blocked_by.or_else(|| self.first_waits_for()).unwrap_or(self.names().0);
        let Patience::Since { began, deadline, returns } = patience else {
            return Answer::Refused(Refusal::NoRoom { limit, retry_after: self.retry_after(now, tokens) });
        };
        if self.rules.queue.length == 0 {
            return Answer::Refused(Refusal::NoRoom { limit, retry_after: self.retry_after(now, tokens) });
        }
        if self.drained_at.is_some_and(|at| at <= now) {
            return Answer::Refused(Refusal::ShuttingDown);
        }
        // One that comes back had its place already.
        if returns.is_none()
            && let Err(refusal) = self.make_place(now, ask, tokens, wakers)
        {
            return Answer::Refused(refusal);
        }
        let place = Place { ticket, app_name: ask.app_name.clone(), priority: ask.priority };
        self.line.push(&place);
        let waiter = Waiter {
            ask: ask.clone(),
            place,
            began,
            deadline,
            since: now,
            since_ms: jiff::Timestamp::now().as_millisecond(),
            limited_by: limit,
            waker: None,
            answer: None,
        };
        self.waiters.insert(ticket, waiter);
        // It may stand in front of those who made it wait, and fit where they do not.
        self.advance(now, wakers);
        Answer::Waits(ticket, limit)
    }

    /// A waiting request looks what became of it. It is woken by `waker` when there is news.
    pub(super) fn look(&mut self, now: Instant, ticket: Ticket, waker: &Waker, wakers: &mut Wakers) -> Look {
        self.advance(now, wakers);
        let Some(waiter) = self.waiters.get_mut(&ticket) else { return Look::Refused(Refusal::Gone) };
        if let Some(answer) = waiter.answer.take() {
            self.waiters.remove(&ticket);
            self.shrink();
            return match answer {
                Ok(grant) => Look::Granted(grant),
                Err(refusal) => Look::Refused(refusal),
            };
        }
        let queue_deadline = Duration::from_millis(u64::from(self.rules.queue.deadline_ms));
        let deadline = waiter.began + waiter.deadline.unwrap_or(queue_deadline);
        let refusal = if deadline <= now {
            Some(Refusal::TimedOut { waited: now.saturating_duration_since(waiter.began) })
        } else if self.drained_at.is_some_and(|at| at <= now) {
            Some(Refusal::ShuttingDown)
        } else {
            None
        };
        if let Some(refusal) = refusal {
            self.leave(now, ticket, wakers);
            return Look::Refused(refusal);
        }
        if !waiter.waker.as_ref().is_some_and(|known| known.will_wake(waker)) {
            waiter.waker = Some(waker.clone());
        }
        let until = self.drained_at.map_or(deadline, |at| deadline.min(at));
        let moment = self.leader.filter(|(leader, _)| *leader == ticket).and_then(|(_, moment)| moment);
        Look::Sleeps(moment.map_or(until, |moment| until.min(moment)))
    }

    /// A waiting request leaves: its client did, or its time is over. What was laid out for it goes to others.
    pub(super) fn leave(&mut self, now: Instant, ticket: Ticket, wakers: &mut Wakers) {
        let Some(waiter) = self.waiters.remove(&ticket) else { return };
        match waiter.answer {
            None => self.line.remove(&waiter.place, false),
            Some(Ok(grant)) => {
                self.window.let_go(grant.tokens);
                self.under_way = self.under_way.saturating_sub(1);
            }
            Some(Err(_)) => {}
        }
        self.shrink();
        self.advance(now, wakers);
    }

    /// A granted request is sent. Only now is it known when its room frees, so whoever leads the line has to know.
    pub(super) fn send(&mut self, now: Instant, tokens: u64, wakers: &mut Wakers) -> SlotId {
        self.window.expire(now);
        let slot = self.window.send(now, tokens);
        self.advance(now, wakers);
        slot
    }

    /// A request that was sent is sent again, and the first time did not count where it went.
    pub(super) fn send_again(&mut self, now: Instant, slot: SlotId, tokens: u64) -> SlotId {
        self.window.expire(now);
        self.window.give_back(slot, 1, tokens);
        self.window.add(now, 1, tokens)
    }

    /// A granted request ends. Returns the tokens that stay charged.
    pub(super) fn end(
        &mut self,
        now: Instant,
        stage: Stage,
        reserved: u64,
        settled: Settled,
        wakers: &mut Wakers,
    ) -> u64 {
        self.window.expire(now);
        self.under_way = self.under_way.saturating_sub(1);
        let charged = match stage {
            Stage::Held => {
                self.window.let_go(reserved);
                0
            }
            Stage::Sent(slot) => {
                let charged = match settled {
                    Settled::Known(tokens) => tokens,
                    Settled::Unknown => reserved,
                    Settled::Nothing => 0,
                };
                self.window.give_back(slot, 0, reserved.saturating_sub(charged));
                if charged > reserved {
                    self.window.add(now, 0, charged - reserved);
                }
                charged
            }
        };
        self.advance(now, wakers);
        charged
    }

    /// Counts what was sent before this process began.
    pub(super) fn remember(&mut self, at: Instant, requests: u64, tokens: u64) {
        self.window.add(at, requests, tokens);
    }

    /// Puts rules in force, also for those who wait.
    pub(super) fn apply(&mut self, now: Instant, rules: Rules, wakers: &mut Wakers) {
        if rules == self.rules {
            return;
        }
        if rules.is_open && !self.rules.is_open {
            // Switched off and on: an administrator's way to end a pause.
            self.paused_until = None;
        }
        self.rules = rules;
        if rules.queue.order != self.line.order() {
            let mut waiting: Vec<&Place> =
                self.waiters.values().filter(|waiter| waiter.answer.is_none()).map(|waiter| &waiter.place).collect();
            waiting.sort_unstable_by_key(|place| place.ticket);
            self.line = Line::new(rules.queue.order);
            for place in waiting {
                self.line.push(place);
            }
        }
        let retry_after = self.retry_after(now, 0);
        let mut waiting: Vec<Ticket> = self.line.iter().collect();
        if rules.is_open {
            for ticket in &waiting {
                let refusal = self.waiters.get(ticket).and_then(|waiter| self.need(&waiter.ask).err());
                if let Some(refusal) = refusal {
                    self.refuse(*ticket, refusal, wakers);
                }
            }
            while self.waiting() > rules.queue.length {
                let Some(ticket) = self.line.victim(crate::model::Priority::High) else { break };
                self.refuse(ticket, Refusal::Evicted { retry_after }, wakers);
            }
        } else {
            for ticket in waiting.drain(..) {
                self.refuse(ticket, Refusal::Gone, wakers);
            }
        }
        self.wake_all(now, wakers);
    }

    /// The owner does not exist any more.
    pub(super) fn close(&mut self, now: Instant, wakers: &mut Wakers) {
        self.apply(now, Rules { is_open: false, ..self.rules }, wakers);
    }

    /// The owner takes nothing until then; an earlier end than the one that is known changes nothing.
    pub(super) fn pause(&mut self, now: Instant, until: Instant, wakers: &mut Wakers) {
        self.paused_until = self.paused_until.max(Some(until));
        self.advance(now, wakers);
    }

    /// What the upstream said about its own limits.
    pub(super) const fn observe(&mut self, quota: UpstreamQuota) {
        self.quota = Some(quota);
    }

    /// Whoever still waits then is refused.
    pub(super) fn drain(&mut self, now: Instant, at: Instant, wakers: &mut Wakers) {
        self.drained_at = Some(at);
        self.wake_all(now, wakers);
    }

    /// Takes a waiting request out. False if it does not wait.
    pub(super) fn cancel(&mut self, now: Instant, request: uuid::Uuid, wakers: &mut Wakers) -> bool {
        let found = self.waiters.iter().find(|(_, waiter)| waiter.ask.id == request && waiter.answer.is_none());
        let Some(ticket) = found.map(|(ticket, _)| *ticket) else { return false };
        self.refuse(ticket, Refusal::Cancelled, wakers);
        self.advance(now, wakers);
        true
    }

    /// What is left for others.
    pub(super) fn headroom(&mut self, now: Instant) -> Headroom {
        self.window.expire(now);
        let (requests_empty, tokens_empty) = self.window.empties(now);
        let room = |limit: Option<u32>, used: u64, empty: Instant| {
            limit.map(|limit| {
                let remaining = u32::try_from(u64::from(limit).saturating_sub(used)).unwrap_or(limit);
                Room { limit, remaining, reset: empty.saturating_duration_since(now) }
            })
        };
        Headroom {
            requests: room(self.rules.limits.requests_per_minute, self.window.requests(), requests_empty),
            tokens: room(self.rules.limits.tokens_per_minute, self.window.tokens(), tokens_empty),
        }
    }

    /// How full everything is, for people.
    pub(super) fn view(&mut self, now: Instant) -> LimitState {
        self.window.expire(now);
        let limits = self.rules.limits;
        let frees_in = |falls_to: Option<Instant>| falls_to.map(|at| milliseconds(at.saturating_duration_since(now)));
        let fill = |used: u64, limit: Option<u32>, falls_to: Option<Instant>| Fill {
            used,
            limit,
            frees_in_ms: if limit.is_none_or(|limit| used < u64::from(limit)) { Some(0) } else { frees_in(falls_to) },
        };
        let below = |limit: Option<u32>| limit.map_or(u64::MAX, |limit| u64::from(limit).saturating_sub(1));
        let waiters: Vec<(Ticket, &Waiter)> = self
            .line
            .iter()
            .take(WAITERS_SHOWN)
            .filter_map(|ticket| Some((ticket, self.waiters.get(&ticket)?)))
            .collect();
        let oldest = self.waiters.values().filter(|waiter| waiter.answer.is_none()).map(|waiter| waiter.since).min();
        let waited = |since: Instant| milliseconds(now.saturating_duration_since(since));
        LimitState {
            requests: fill(
                self.window.requests(),
                limits.requests_per_minute,
                self.window.falls_to(below(limits.requests_per_minute), u64::MAX, now),
            ),
            tokens: fill(
                self.window.tokens(),
                limits.tokens_per_minute,
                self.window.falls_to(u64::MAX, below(limits.tokens_per_minute), now),
            ),
            concurrency: fill(u64::from(self.under_way), limits.concurrency, None),
            window_ms: milliseconds(self.window.length()),
            queue: QueueState {
                waiting: self.waiting(),
                capacity: self.rules.queue.length,
                oldest_ms: oldest.map(waited),
                waiters: waiters
                    .into_iter()
                    .map(|(_, waiter)| WaiterView {
                        id: waiter.ask.id.to_string(),
                        app_name: waiter.ask.app_name.to_string(),
                        model: waiter.ask.model.to_string(),
                        since_ms: waiter.since_ms,
                        waited_ms: waited(waiter.since),
                        tokens: self.need(&waiter.ask).unwrap_or_default(),
                        priority: waiter.ask.priority,
                    })
                    .collect(),
            },
        }
    }

    /// For how long the upstream asked to be left alone, and what it said about its limits.
    pub(super) fn upstream(&self, now: Instant) -> (Option<Duration>, Option<UpstreamQuota>) {
        let pause = self.paused_until.and_then(|until| until.checked_duration_since(now));
        (pause.filter(|pause| !pause.is_zero()), self.quota)
    }

    /// Whether nothing is remembered here that would be lost with it.
    pub(super) fn is_idle(&mut self, now: Instant) -> bool {
        self.window.expire(now);
        self.under_way == 0 && self.waiters.is_empty() && self.window.requests() == 0 && self.window.tokens() == 0
    }

    /// Lets go whoever can, in order, and tells the one who leads then until when to sleep.
    fn advance(&mut self, now: Instant, wakers: &mut Wakers) {
        if self.line.next().is_none() {
            self.leader = None;
            return;
        }
        self.window.expire(now);
        while let Some(ticket) = self.line.next() {
            let Some(waiter) = self.waiters.get(&ticket) else { return };
            // One that never fits was refused when it came, or when the rules changed.
            let tokens = self.need(&waiter.ask).unwrap_or_default();
            if self.blocked_by(now, tokens).is_some() {
                let moment = self.moment(now, tokens);
                let is_known = self.leader.is_some_and(|(leader, known)| {
                    leader == ticket && known.is_some_and(|known| moment.is_none_or(|moment| known <= moment))
                });
                if !is_known {
                    let was_leader = self.leader.is_some_and(|(leader, _)| leader == ticket);
                    self.leader = Some((ticket, moment));
                    // Without a moment it is woken by whoever makes room.
                    if moment.is_some() || !was_leader {
                        self.wake(ticket, wakers);
                    }
                } else if self.leader.is_some_and(|(_, known)| known.is_some_and(|known| known <= now)) {
                    self.leader = Some((ticket, moment));
                }
                return;
            }
            let grant = self.grant(ticket, tokens);
            if let Some(waiter) = self.waiters.get_mut(&ticket) {
                waiter.answer = Some(Ok(grant));
                self.line.remove(&waiter.place, true);
            }
            self.wake(ticket, wakers);
        }
        self.leader = None;
    }

    fn grant(&mut self, ticket: Ticket, tokens: u64) -> Grant {
        self.window.hold(tokens);
        self.under_way = self.under_way.saturating_add(1);
        Grant { ticket, tokens }
    }

    fn refuse(&mut self, ticket: Ticket, refusal: Refusal, wakers: &mut Wakers) {
        if let Some(waiter) = self.waiters.get_mut(&ticket) {
            waiter.answer = Some(Err(refusal));
            self.line.remove(&waiter.place, false);
            wakers.extend(waiter.waker.take());
        }
    }

    fn wake(&mut self, ticket: Ticket, wakers: &mut Wakers) {
        wakers.extend(self.waiters.get_mut(&ticket).and_then(|waiter| waiter.waker.take()));
    }

    /// Everybody looks again, because deadlines may have changed.
    fn wake_all(&mut self, now: Instant, wakers: &mut Wakers) {
        self.leader = None;
        self.advance(now, wakers);
        wakers.extend(self.waiters.values_mut().filter_map(|waiter| waiter.waker.take()));
    }

    /// Makes a place for one more, by the rules for a full line.
    fn make_place(&mut self, now: Instant, ask: &Ask, tokens: u64, wakers: &mut Wakers) -> Result<(), Refusal> {
        if self.waiting() < self.rules.queue.length {
            return Ok(());
        }
        let retry_after = self.retry_after(now, tokens);
        let victim = match self.rules.queue.overflow {
            Overflow::EvictOldest => self.line.victim(ask.priority),
            Overflow::RejectNewest => None,
        };
        let Some(victim) = victim else { return Err(Refusal::QueueFull { retry_after }) };
        self.refuse(victim, Refusal::Evicted { retry_after }, wakers);
        Ok(())
    }

    /// Requests in the line, without those whose answer is laid out.
    fn waiting(&self) -> u32 {
        u32::try_from(self.line.len()).unwrap_or(u32::MAX)
    }

    /// Tokens to reserve. A guess gives way to the limit; what is certain is refused.
    fn need(&self, ask: &Ask) -> Result<u64, Refusal> {
        let tokens = ask.input_tokens.saturating_add(ask.output_tokens).min(TOKENS_MAX);
        let Some(limit) = self.rules.limits.tokens_per_minute else { return Ok(tokens) };
        let certain = if ask.output_is_bound { tokens } else { ask.input_tokens };
        if certain > u64::from(limit) {
            return Err(Refusal::NeverFits { tokens: certain, limit });
        }
        Ok(tokens.min(u64::from(limit)))
    }

    /// The first limit that a request of so many tokens meets. Call [`Window::expire`] before.
    fn blocked_by(&self, now: Instant, tokens: u64) -> Option<LimitName> {
        let (requests_name, tokens_name, concurrency_name) = self.names();
        let Limits { requests_per_minute, tokens_per_minute, concurrency } = self.rules.limits;
        if self.paused_until.is_some_and(|until| now < until) {
            Some(LimitName::ServerPause)
        } else if requests_per_minute.is_some_and(|limit| self.window.requests() >= u64::from(limit)) {
            Some(requests_name)
        } else if tokens_per_minute.is_some_and(|limit| self.window.tokens().saturating_add(tokens) > u64::from(limit))
        {
            Some(tokens_name)
        } else if concurrency.is_some_and(|limit| self.under_way >= limit) {
            Some(concurrency_name)
        } else {
            None
        }
    }

    /// When a request of so many tokens will fit, if nothing else happens; none if something else has to happen first.
    fn moment(&self, now: Instant, tokens: u64) -> Option<Instant> {
        let Limits { requests_per_minute, tokens_per_minute, concurrency } = self.rules.limits;
        if concurrency.is_some_and(|limit| self.under_way >= limit) {
            return None;
        }
        let requests = requests_per_minute.map_or(u64::MAX, |limit| u64::from(limit).saturating_sub(1));
        let tokens = tokens_per_minute.map_or(u64::MAX, |limit| u64::from(limit).saturating_sub(tokens));
        let falls = self.window.falls_to(requests, tokens, now)?;
        Some(self.paused_until.map_or(falls, |until| until.max(falls)))
    }

    fn retry_after(&self, now: Instant, tokens: u64) -> Duration {
        self.moment(now, tokens).map_or(RETRY_UNKNOWN, |at| at.saturating_duration_since(now))
    }

    fn first_waits_for(&self) -> Option<LimitName> {
        self.waiters.get(&self.line.next()?).map(|waiter| waiter.limited_by)
    }

    /// What its limits are called: requests, tokens, concurrency.
    const fn names(&self) -> (LimitName, LimitName, LimitName) {
        match self.owner {
            Owner::Server(_) => (LimitName::ServerRequests, LimitName::ServerTokens, LimitName::ServerConcurrency),
            Owner::App(_) => (LimitName::AppRequests, LimitName::AppTokens, LimitName::AppConcurrency),
            Owner::Key(_) => (LimitName::KeyRequests, LimitName::KeyTokens, LimitName::KeyConcurrency),
        }
    }

    /// An empty map keeps its memory otherwise.
    fn shrink(&mut self) {
        if self.waiters.is_empty() && self.waiters.capacity() > 64 {
            self.waiters = HashMap::new();
        }
    }
}

fn milliseconds(duration: Duration) -> u64 {
    u64::try_from(duration.as_millis()).unwrap_or(u64::MAX)
}

#[cfg(test)]
mod tests;
