//! Limits and queues of this process alone.

use std::collections::HashMap;
use std::collections::hash_map::Entry;
use std::sync::Arc;
use std::time::Duration;

use futures::future::BoxFuture;
use parking_lot::{Mutex, RwLock};
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;
use uuid::Uuid;

use super::expected_output::ExpectedOutput;
use super::gate::Gate;
use super::limiter::{Admission, Ask, Headroom, Limiter, Owner, Patience, Refusal};
use super::state::Rules;
use crate::catalog::Snapshot;
use crate::model::{LimitState, QueuePolicy, ServerId, ServerLimitState, UpstreamQuota};
use crate::storage::RecentUse;

/// Keeps limits and queues in this process.
///
/// Every server has a gate. An app and a key have one from their first request on, until a window has passed without any;
/// there is none for what the configuration does not know, so strangers make no state.
#[derive(Debug)]
pub struct LocalLimiter {
    window: Duration,
    /// How requests wait in front of an app or a key.
    line: QueuePolicy,
    gates: RwLock<HashMap<Owner, Arc<Gate>>>,
    book: Mutex<Book>,
    expected: ExpectedOutput,
}

/// The rules in force.
#[derive(Debug, Default)]
struct Book {
    revision: Option<i64>,
    rules: HashMap<Owner, Rules>,
    /// Servers in configured order.
    servers: Vec<ServerId>,
    drained_at: Option<Instant>,
}

/// What an owner was charged with before this process began.
#[derive(Clone, Copy, Debug)]
struct PastUse {
    owner: Owner,
    age: Duration,
    requests: u64,
    tokens: u64,
}

impl LocalLimiter {
    /// A limiter whose windows have the length `window`; `line_length` requests may wait in front of an app or a key.
    /// Nothing is let in before a configuration is [applied](Limiter::apply).
    pub fn new(window: Duration, line_length: u32) -> Self {
        Self {
            window,
            line: QueuePolicy { length: line_length, ..QueuePolicy::default() },
            gates: RwLock::default(),
            book: Mutex::default(),
            expected: ExpectedOutput::default(),
        }
    }

    /// From when on requests still count, in milliseconds since 1970 UTC.
    pub fn horizon_ms(&self) -> i64 {
        // With some room, because the window is kept a little longer than it is.
        let window = self.window + self.window / 10;
        now_ms().saturating_sub(i64::try_from(window.as_millis()).unwrap_or(i64::MAX))
    }

    /// Counts what was recorded before this process began, so that a restart does not reopen a window: requests when
    /// they were sent, tokens when the answer ended, which is the latest that they can have been charged. Call it after
    /// [`Limiter::apply`] and before the first request.
    pub fn remember(&self, recent: &[RecentUse]) {
        let now_ms = now_ms();
        // The clock of the wall may have been set back since.
        let age = |at_ms: i64| Duration::from_millis(u64::try_from(now_ms.saturating_sub(at_ms)).unwrap_or(0));
        let mut past = Vec::new();
        for row in recent {
            let owners = [row.server_id.map(Owner::Server), row.app_id.map(Owner::App), row.key_id.map(Owner::Key)];
            for owner in owners.into_iter().flatten() {
                let requests = if matches!(owner, Owner::Server(_)) { u64::from(row.attempts) } else { 1 };
                let tokens = u64::try_from(row.charged_tokens).unwrap_or(0);
                past.push(PastUse { owner, age: age(row.sent_at_ms), requests, tokens: 0 });
                if tokens > 0 {
                    past.push(PastUse { owner, age: age(row.ended_at_ms), requests: 0, tokens });
                }
            }
        }
        self.count_past(past);
    }

    /// Gives back, once a window, what is kept for apps and keys that are idle. Ends when `shutdown` is cancelled.
    pub async fn keep_tidy(&self, shutdown: CancellationToken) {
        while shutdown.run_until_cancelled(tokio::time::sleep(self.window)).await.is_some() {
            self.tidy();
        }
    }

    fn tidy(&self) {
        let now = Instant::now();
        // Nobody can get hold of a gate meanwhile, and whoever has one already counts.
        self.gates.write().retain(|owner, gate| {
            let is_idle = gate.with(|state, _| state.is_idle(now));
            matches!(owner, Owner::Server(_)) || !is_idle || Arc::strong_count(gate) > 1
        });
    }

    fn count_past(&self, mut past: Vec<PastUse>) {
        let now = Instant::now();
        past.sort_unstable_by_key(|past| std::cmp::Reverse(past.age));
        for PastUse { owner, age, requests, tokens } in past {
            let Some(at) = now.checked_sub(age) else { continue };
            if let Some(gate) = self.gate(owner) {
                gate.with(|state, _| state.remember(at, requests, tokens));
            }
        }
    }

    fn gate(&self, owner: Owner) -> Option<Arc<Gate>> {
        if let Some(gate) = self.gates.read().get(&owner) {
            return Some(Arc::clone(gate));
        }
        let book = self.book.lock();
        let rules = *book.rules.get(&owner)?;
        // Under the lock of the book, so that new rules cannot slip past a gate that is just being made.
        let mut gates = self.gates.write();
        let gate = match gates.entry(owner) {
            Entry::Occupied(entry) => Arc::clone(entry.get()),
            Entry::Vacant(entry) => {
                let gate = Arc::new(Gate::new(owner, rules, self.window));
                if let Some(at) = book.drained_at {
                    gate.with(|state, wakers| state.drain(Instant::now(), at, wakers));
                }
                Arc::clone(entry.insert(gate))
            }
        };
        Some(gate)
    }

    fn all(&self) -> Vec<(Owner, Arc<Gate>)> {
        self.gates.read().iter().map(|(owner, gate)| (*owner, Arc::clone(gate))).collect()
    }

    fn server_state(&self, server_id: ServerId) -> Option<ServerLimitState> {
        let gate = self.gate(Owner::Server(server_id))?;
        let now = Instant::now();
        let (state, (paused, upstream)) = gate.with(|state, _| (state.view(now), state.upstream(now)));
        let paused_ms = paused.map(|pause| u64::try_from(pause.as_millis()).unwrap_or(u64::MAX));
        Some(ServerLimitState { server_id, state, paused_ms, upstream })
    }

    fn rules(&self, snapshot: &Snapshot) -> HashMap<Owner, Rules> {
        let servers = snapshot.servers().iter().map(|server| {
            let rules = Rules { limits: server.limits, queue: server.queue, is_open: server.usable };
            (Owner::Server(server.id), rules)
        });
        let apps = snapshot.apps().map(|app| {
            let rules = Rules { limits: app.limits, queue: self.line, is_open: app.enabled };
            (Owner::App(app.id), rules)
        });
        let keys = snapshot.keys().map(|key| {
            let rules = Rules { limits: key.limits, queue: self.line, is_open: true };
            (Owner::Key(key.id), rules)
        });
        servers.chain(apps).chain(keys).collect()
    }
}

fn now_ms() -> i64 {
    jiff::Timestamp::now().as_millisecond()
}

impl Limiter for LocalLimiter {
    fn admit(&self, owner: Owner, ask: &Ask, patience: Patience) -> Admission {
        self.gate(owner).map_or(Admission::Refused(Refusal::Gone), |gate| gate.admit(ask, patience))
    }

    fn headroom(&self, owner: Owner) -> Headroom {
        let now = Instant::now();
        self.gate(owner).map_or_else(Headroom::default, |gate| gate.with(|state, _| state.headroom(now)))
    }

    fn expected_output(&self, model: &str) -> u64 {
        self.expected.of(model)
    }

    fn learn_output(&self, model: &str, tokens: u64) {
        self.expected.learn(model, tokens);
    }

    fn pause(&self, server: ServerId, pause: Duration) {
        if let Some(gate) = self.gate(Owner::Server(server)) {
            let now = Instant::now();
            gate.with(|state, wakers| state.pause(now, now + pause, wakers));
        }
    }

    fn observe(&self, server: ServerId, quota: UpstreamQuota) {
        if let Some(gate) = self.gate(Owner::Server(server)) {
            gate.with(|state, _| state.observe(quota));
        }
    }

    fn apply(&self, snapshot: &Snapshot) {
        let now = Instant::now();
        let mut book = self.book.lock();
        if book.revision.is_some_and(|revision| revision > snapshot.revision()) {
            return;
        }
        book.revision = Some(snapshot.revision());
        book.rules = self.rules(snapshot);
        book.servers = snapshot.servers().iter().map(|server| server.id).collect();
        for (owner, gate) in self.all() {
            if let Some(rules) = book.rules.get(&owner) {
                gate.with(|state, wakers| state.apply(now, *rules, wakers));
            } else {
                // Ids are never used again, so nobody can miss what was counted here.
                gate.with(|state, wakers| state.close(now, wakers));
                self.gates.write().remove(&owner);
            }
        }
        drop(book);
        self.expected.keep(|model| !snapshot.targets(model).is_empty());
    }

    fn drain(&self, until: Instant) {
        let now = Instant::now();
        self.book.lock().drained_at = Some(until);
        for (_, gate) in self.all() {
            gate.with(|state, wakers| state.drain(now, until, wakers));
        }
    }

    fn server(&self, server: ServerId) -> BoxFuture<'_, Option<ServerLimitState>> {
        Box::pin(std::future::ready(self.server_state(server)))
    }

    fn servers(&self) -> BoxFuture<'_, Vec<ServerLimitState>> {
        let servers = self.book.lock().servers.clone();
        let states = servers.into_iter().filter_map(|id| self.server_state(id)).collect();
        Box::pin(std::future::ready(states))
    }

    fn state(&self, owner: Owner) -> BoxFuture<'_, Option<LimitState>> {
        let now = Instant::now();
        let state = self.gate(owner).map(|gate| gate.with(|state, _| state.view(now)));
        Box::pin(std::future::ready(state))
    }

    fn cancel(&self, server: ServerId, request: Uuid) -> BoxFuture<'_, bool> {
        let now = Instant::now();
        let gate = self.gate(Owner::Server(server));
        let cancelled = gate.is_some_and(|gate| gate.with(|state, wakers| state.cancel(now, request, wakers)));
        Box::pin(std::future::ready(cancelled))
    }
}

#[cfg(test)]
impl LocalLimiter {
    /// Owners that something is kept for.
    pub(super) fn gate_count(&self) -> usize {
        self.gates.read().len()
    }
}
