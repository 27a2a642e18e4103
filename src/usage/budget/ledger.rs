//! The state behind its lock, with the clock and the database.

use std::fmt;
use std::sync::Arc;

use jiff::Timestamp;
use jiff::tz::TimeZone;
use parking_lot::Mutex;

use super::denied::{BudgetDenied, Whose};
use super::measure::{Measure, Need};
use super::state::{Crossing, Spender, State, Ticket};
use crate::catalog::Snapshot;
use crate::model::{AppId, Budget, BudgetLevel, BudgetState, KeyId};
use crate::storage::{Database, StorageError, spent};
use crate::usage::{AppReference, UsageRecord};

/// The budgets of one app or key that a request has to fit into.
#[derive(Debug)]
pub struct Claim {
    /// Whose use is counted.
    pub spender: Spender,
    /// Whose budgets they are, in words.
    pub whose: Whose,
    /// The budgets.
    pub budgets: Vec<Budget>,
}

/// See the [module](super).
pub struct Ledger {
    zone: TimeZone,
    state: Mutex<State>,
}

impl fmt::Debug for Ledger {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_struct("Ledger").finish_non_exhaustive()
    }
}

impl Ledger {
    /// A ledger in which nothing was used yet.
    pub fn new(zone: TimeZone) -> Arc<Self> {
        let state = Mutex::new(State::new(zone.clone(), now_ms()));
        Arc::new(Self { zone, state })
    }

    /// A ledger with what the sums in the database say was used in the current periods.
    ///
    /// # Errors
    /// The database does not answer.
    pub async fn load(database: &Database, zone: TimeZone) -> Result<Arc<Self>, StorageError> {
        let ledger = Self::new(zone);
        ledger.read(database).await?;
        Ok(ledger)
    }

    /// Reads the sums in the database again: once, when what an earlier process left in its journal is in them and nothing
    /// of this process is yet.
    ///
    /// # Errors
    /// The database does not answer.
    pub async fn read(&self, database: &Database) -> Result<(), StorageError> {
        let spans = {
            let mut state = self.state.lock();
            state.spans(now_ms())
        };
        for (period, span) in spans {
            let rows = spent::within(database.reader(), span.start_ms, span.end_ms).await?;
            let used = rows.iter().flat_map(spent_by).collect();
            self.state.lock().remember(period, span, used);
        }
        Ok(())
    }

    /// Reserves what a request needs in all budgets that it claims, or says which one has no room.
    ///
    /// # Errors
    /// It does not fit; nothing is reserved.
    pub fn reserve(self: &Arc<Self>, claims: Vec<Claim>, need: Need) -> Result<Reservation, Box<BudgetDenied>> {
        let (whose, asked): (Vec<_>, Vec<_>) =
            claims.into_iter().map(|claim| (claim.whose, (claim.spender, claim.budgets))).unzip();
        let result = self.state.lock().reserve(now_ms(), asked, need);
        match result {
            Ok(ticket) => Ok(Reservation { ledger: Arc::clone(self), ticket: Some(ticket) }),
            Err(refusal) => {
                let whose = whose.get(refusal.claim).cloned().unwrap_or(Whose::Key);
                Err(Box::new(BudgetDenied::new(whose, &refusal, &self.zone)))
            }
        }
    }

    /// Counts what a request used whose record is final, and gives back what was reserved for it, as one.
    pub fn settle(&self, reservation: Option<Reservation>, record: &UsageRecord) {
        let ticket = reservation.and_then(|mut reservation| reservation.ticket.take());
        let used = Measure::of_record(record);
        if ticket.is_none() && used.is_zero() {
            return;
        }
        let mut crossings = Vec::new();
        {
            let mut state = self.state.lock();
            // Under the lock: whoever waits for it across midnight has today's time then, not yesterday's.
            let now_ms = now_ms();
            let claimed = ticket.map(|ticket| state.release(now_ms, ticket)).unwrap_or_default();
            for spender in spenders(record) {
                let budgets =
                    claimed.iter().find(|(claimed, _)| *claimed == spender).map(|(_, budgets)| budgets.as_slice());
                let budgets = budgets.unwrap_or_default();
                crossings.extend(state.spend(now_ms, spender, budgets, record.started_at_ms, &used));
            }
        }
        for crossing in crossings {
            announce(&crossing);
        }
    }

    /// How these budgets of an app or a key are now.
    pub fn states(&self, spender: &Spender, budgets: &[Budget]) -> Vec<BudgetState> {
        if budgets.is_empty() { Vec::new() } else { self.state.lock().states(now_ms(), spender, budgets) }
    }

    /// Takes over which apps and keys exist: newcomers have an id by now, and what was deleted is forgotten.
    pub fn apply(&self, snapshot: &Snapshot) {
        let keys: std::collections::HashSet<KeyId> = snapshot.keys().map(|key| key.id).collect();
        self.state.lock().settle_in(
            |name| snapshot.app_by_name(name).map(|app| app.id),
            |spender| match spender {
                Spender::App(id) => snapshot.app(*id).is_some(),
                Spender::Newcomer(_) => true,
                Spender::Key(id) => keys.contains(id),
            },
        );
    }
}

/// What one request has reserved. Dropping it gives it back.
#[derive(Debug)]
pub struct Reservation {
    ledger: Arc<Ledger>,
    ticket: Option<Ticket>,
}

impl Drop for Reservation {
    fn drop(&mut self) {
        if let Some(ticket) = self.ticket.take() {
            self.ledger.state.lock().release(now_ms(), ticket);
        }
    }
}

fn spent_by(row: &spent::Spent) -> impl Iterator<Item = (Spender, Measure)> + use<> {
    let mut used = Measure::of_tokens(u64::try_from(row.tokens).unwrap_or(0));
    if let Ok(currency) = row.currency.parse() {
        used.add_money(currency, u64::try_from(row.cost_nanos).unwrap_or(0));
    }
    // 0 stands for none.
    let app = (row.app_id != 0).then_some(Spender::App(AppId(row.app_id)));
    let key = (row.key_id != 0).then_some(Spender::Key(KeyId(row.key_id)));
    app.into_iter().chain(key).map(move |spender| (spender, used.clone()))
}

fn spenders(record: &UsageRecord) -> impl Iterator<Item = Spender> {
    let app = match &record.app {
        AppReference::Registered(id) => Spender::App(*id),
        AppReference::Named(name) => Spender::Newcomer(name.clone()),
    };
    std::iter::once(app).chain(record.key_id.map(Spender::Key))
}

fn announce(crossing: &Crossing) {
    let Crossing { spender, budget, level, used } = crossing;
    let (app, key) = match spender {
        Spender::App(id) => (Some(id.0), None),
        Spender::Newcomer(_) => (None, None),
        Spender::Key(id) => (None, Some(id.0)),
    };
    let (period, percent, amount) = (budget.period.as_str(), budget.warn_percent, budget.amount);
    if *level == BudgetLevel::Exceeded {
        tracing::warn!(
            app,
            key,
            period,
            used,
            ?amount,
            "a budget is used up; its requests are refused until the next period"
        );
    } else {
        tracing::warn!(app, key, period, used, ?amount, percent, "a budget has reached its warning threshold");
    }
}

fn now_ms() -> i64 {
    Timestamp::now().as_millisecond()
}
