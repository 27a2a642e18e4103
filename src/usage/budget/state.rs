//! What was used and what is reserved, and the decision whether a request fits. Pure: the time is handed in.

use std::collections::HashMap;

use jiff::tz::TimeZone;

use super::measure::{Measure, Need, granted};
use super::period::Span;
use crate::model::{AppId, Budget, BudgetLevel, BudgetPeriod, BudgetState, KeyId};

/// A clock that is set back by less than this, in milliseconds, goes on in the current period; one that is set back further was
/// wrong before.
const CLOCK_STEP_MS: i64 = 86_400_000;

/// Whose use is counted.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum Spender {
    /// A registered app.
    App(AppId),
    /// An app that named itself and is being registered.
    Newcomer(String),
    /// A key.
    Key(KeyId),
}

/// What a spender used and has reserved in one period.
#[derive(Clone, Debug, Default)]
struct Sums {
    /// What the database had when it was read.
    before: Measure,
    /// By requests that ended in this process.
    used: Measure,
    reserved: Measure,
}

#[derive(Clone, Debug, Default)]
struct Account {
    day: Sums,
    month: Sums,
}

impl Account {
    const fn sums(&self, period: BudgetPeriod) -> &Sums {
        match period {
            BudgetPeriod::Day => &self.day,
            BudgetPeriod::Month => &self.month,
        }
    }

    const fn sums_mut(&mut self, period: BudgetPeriod) -> &mut Sums {
        match period {
            BudgetPeriod::Day => &mut self.day,
            BudgetPeriod::Month => &mut self.month,
        }
    }
}

/// The current day or month.
#[derive(Clone, Copy, Debug)]
struct Current {
    span: Span,
    /// Counts periods: what was reserved in another one is not given back to this one.
    number: u64,
}

/// What one request has reserved.
#[derive(Debug)]
pub(super) struct Ticket {
    amount: Measure,
    spenders: Vec<(Spender, Vec<Budget>)>,
    day: u64,
    month: u64,
}

/// The budget that a request does not fit into.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Refusal {
    /// Which of the claims.
    pub(super) claim: usize,
    pub(super) budget: Budget,
    pub(super) used: u64,
    pub(super) reserved: u64,
    pub(super) needed: u64,
    pub(super) renews_at_ms: i64,
}

/// A budget that reached its threshold, or its end, by one request.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Crossing {
    pub(super) spender: Spender,
    pub(super) budget: Budget,
    pub(super) level: BudgetLevel,
    pub(super) used: u64,
}

/// See the [module](super).
#[derive(Debug)]
pub(super) struct State {
    zone: TimeZone,
    day: Current,
    month: Current,
    accounts: HashMap<Spender, Account>,
    /// Newcomers that have been registered since.
    registered: HashMap<String, AppId>,
}

impl State {
    pub(super) fn new(zone: TimeZone, now_ms: i64) -> Self {
        let current = |period| Current { span: Span::around(period, now_ms, &zone), number: 0 };
        let (day, month) = (current(BudgetPeriod::Day), current(BudgetPeriod::Month));
        Self { zone, day, month, accounts: HashMap::new(), registered: HashMap::new() }
    }

    /// Begins a new day or month if its time has come. A clock that is set back a little keeps the current one: what was used
    /// in it would be forgotten.
    fn turn(&mut self, now_ms: i64) {
        for period in [BudgetPeriod::Day, BudgetPeriod::Month] {
            let current = match period {
                BudgetPeriod::Day => &mut self.day,
                BudgetPeriod::Month => &mut self.month,
            };
            let is_set_back =
                now_ms < current.span.start_ms && current.span.start_ms.saturating_sub(now_ms) < CLOCK_STEP_MS;
            if current.span.contains(now_ms) || is_set_back {
                continue;
            }
            current.span = Span::around(period, now_ms, &self.zone);
            current.number = current.number.wrapping_add(1);
            for account in self.accounts.values_mut() {
                *account.sums_mut(period) = Sums::default();
            }
        }
    }

    const fn current(&self, period: BudgetPeriod) -> Current {
        match period {
            BudgetPeriod::Day => self.day,
            BudgetPeriod::Month => self.month,
        }
    }

    /// The spans that are current now, the day and the month.
    pub(super) fn spans(&mut self, now_ms: i64) -> [(BudgetPeriod, Span); 2] {
        self.turn(now_ms);
        [(BudgetPeriod::Day, self.day.span), (BudgetPeriod::Month, self.month.span)]
    }

    /// Reserves what a request needs, if it fits into all budgets of all claims; else nothing.
    pub(super) fn reserve(
        &mut self,
        now_ms: i64,
        claims: Vec<(Spender, Vec<Budget>)>,
        need: Need,
    ) -> Result<Ticket, Refusal> {
        self.turn(now_ms);
        for (claim, (spender, budgets)) in claims.iter().enumerate() {
            for budget in budgets {
                self.fits(spender, budget, &need).map_err(|refusal| Refusal { claim, ..refusal })?;
            }
        }
        for (spender, _) in &claims {
            let account = self.accounts.entry(spender.clone()).or_default();
            account.day.reserved.add(&need.likely);
            account.month.reserved.add(&need.likely);
        }
        Ok(Ticket { amount: need.likely, spenders: claims, day: self.day.number, month: self.month.number })
    }

    fn fits(&self, spender: &Spender, budget: &Budget, need: &Need) -> Result<(), Refusal> {
        if need.likely.counted_by(&budget.amount) == 0 {
            // It costs another currency, or nothing.
            return Ok(());
        }
        let needed = need.certain.counted_by(&budget.amount);
        let (used, reserved) = self.counted(spender, budget);
        let taken = used.saturating_add(reserved);
        let granted = granted(&budget.amount);
        if taken < granted && needed <= granted.saturating_sub(taken) {
            return Ok(());
        }
        let renews_at_ms = self.current(budget.period).span.end_ms;
        Err(Refusal { claim: 0, budget: *budget, used, reserved, needed, renews_at_ms })
    }

    fn counted(&self, spender: &Spender, budget: &Budget) -> (u64, u64) {
        let Some(account) = self.accounts.get(spender) else { return (0, 0) };
        let sums = account.sums(budget.period);
        let counted = |measure: &Measure| measure.counted_by(&budget.amount);
        (counted(&sums.before).saturating_add(counted(&sums.used)), counted(&sums.reserved))
    }

    /// Gives back what was reserved. Returns whose budgets were claimed.
    pub(super) fn release(&mut self, now_ms: i64, ticket: Ticket) -> Vec<(Spender, Vec<Budget>)> {
        self.turn(now_ms);
        for (spender, _) in &ticket.spenders {
            let Some(account) = self.accounts.get_mut(spender) else { continue };
            if ticket.day == self.day.number {
                account.day.reserved.subtract(&ticket.amount);
            }
            if ticket.month == self.month.number {
                account.month.reserved.subtract(&ticket.amount);
            }
        }
        ticket.spenders
    }

    /// Counts what a request used that arrived at `started_at_ms`. Returns which of `budgets` it brought to a new level.
    pub(super) fn spend(
        &mut self,
        now_ms: i64,
        spender: Spender,
        budgets: &[Budget],
        started_at_ms: i64,
        used: &Measure,
    ) -> Vec<Crossing> {
        if used.is_zero() {
            return Vec::new();
        }
        self.turn(now_ms);
        let spender = match spender {
            Spender::Newcomer(name) => match self.registered.get(&name) {
                Some(id) => Spender::App(*id),
                None => Spender::Newcomer(name),
            },
            spender => spender,
        };
        let levels = |state: &Self| -> Vec<BudgetLevel> {
            budgets.iter().map(|budget| level(budget, state.counted(&spender, budget).0)).collect()
        };
        let before = levels(self);
        for period in [BudgetPeriod::Day, BudgetPeriod::Month] {
            self.add(period, &spender, started_at_ms, used);
        }
        let after = levels(self);
        let crossed = budgets.iter().zip(before.into_iter().zip(after)).filter(|(_, (before, after))| after > before);
        crossed
            .map(|(budget, (_, level))| Crossing {
                spender: spender.clone(),
                budget: *budget,
                level,
                used: self.counted(&spender, budget).0,
            })
            .collect()
    }

    fn add(&mut self, period: BudgetPeriod, spender: &Spender, started_at_ms: i64, used: &Measure) {
        if self.current(period).span.contains(started_at_ms) {
            self.accounts.entry(spender.clone()).or_default().sums_mut(period).used.add(used);
        }
    }

    /// Takes over what the database says was used in a period before this process, in place of what it said before. Says
    /// nothing if the period is over by now.
    pub(super) fn remember(&mut self, period: BudgetPeriod, span: Span, used: Vec<(Spender, Measure)>) {
        if self.current(period).span != span {
            return;
        }
        for account in self.accounts.values_mut() {
            account.sums_mut(period).before = Measure::default();
        }
        for (spender, used) in used {
            self.accounts.entry(spender).or_default().sums_mut(period).before.add(&used);
        }
    }

    /// How these budgets of a spender are.
    pub(super) fn states(&mut self, now_ms: i64, spender: &Spender, budgets: &[Budget]) -> Vec<BudgetState> {
        self.turn(now_ms);
        let states = budgets.iter().map(|budget| {
            let (used, reserved) = self.counted(spender, budget);
            let Span { start_ms, end_ms } = self.current(budget.period).span;
            BudgetState {
                budget: *budget,
                used,
                reserved,
                level: level(budget, used),
                period_start_ms: start_ms,
                period_end_ms: end_ms,
            }
        });
        states.collect()
    }

    /// Newcomers are registered by now, and what does not exist any more is forgotten.
    pub(super) fn settle_in(&mut self, registered: impl Fn(&str) -> Option<AppId>, exists: impl Fn(&Spender) -> bool) {
        let arrived: Vec<(String, AppId)> = self
            .accounts
            .keys()
            .filter_map(|spender| match spender {
                Spender::Newcomer(name) => registered(name).map(|id| (name.clone(), id)),
                Spender::App(_) | Spender::Key(_) => None,
            })
            .collect();
        for (name, id) in arrived {
            let Some(account) = self.accounts.remove(&Spender::Newcomer(name.clone())) else { continue };
            let known = self.accounts.entry(Spender::App(id)).or_default();
            known.day.used.add(&account.day.used);
            known.month.used.add(&account.month.used);
            self.registered.insert(name, id);
        }
        self.accounts.retain(|spender, _| exists(spender));
        self.registered.retain(|name, id| registered(name) == Some(*id));
    }

    #[cfg(test)]
    pub(super) fn reserved(&self, spender: &Spender, period: BudgetPeriod) -> Measure {
        self.accounts.get(spender).map(|account| account.sums(period).reserved.clone()).unwrap_or_default()
    }

    #[cfg(test)]
    pub(super) fn len(&self) -> usize {
        self.accounts.len()
    }
}

/// How a budget is of which so much is used.
pub(super) fn level(budget: &Budget, used: u64) -> BudgetLevel {
    let granted = granted(&budget.amount);
    if used >= granted {
        BudgetLevel::Exceeded
    } else if u128::from(used).saturating_mul(100)
        >= u128::from(granted).saturating_mul(u128::from(budget.warn_percent))
    {
        BudgetLevel::Warning
    } else {
        BudgetLevel::Ok
    }
}
