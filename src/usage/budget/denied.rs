//! What a client is told whose request does not fit into a budget.

use std::fmt;
use std::sync::Arc;

use jiff::Timestamp;
use jiff::tz::TimeZone;

use super::measure::granted;
use super::state::Refusal;
use crate::model::{Amount, Budget, BudgetAmount, BudgetPeriod};

/// Whose budget it is, as the client knows it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Whose {
    /// The app with this name.
    App(Arc<str>),
    /// The key that it sent.
    Key,
}

impl fmt::Display for Whose {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::App(name) => write!(formatter, "the app `{name}`"),
            Self::Key => formatter.write_str("your key"),
        }
    }
}

/// A request does not fit into a budget.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct BudgetDenied {
    /// Whose.
    pub whose: Whose,
    /// Which.
    pub budget: Budget,
    /// What was used of it: tokens, or billionths of the currency.
    pub used: u64,
    /// What requests under way are expected to use.
    pub reserved: u64,
    /// What this request needs at least.
    pub needed: u64,
    /// When the budget begins anew, as RFC 3339 in the reporting time zone.
    pub renews_at: String,
}

impl BudgetDenied {
    pub(super) fn new(whose: Whose, refusal: &Refusal, zone: &TimeZone) -> Self {
        let Refusal { budget, used, reserved, needed, renews_at_ms, .. } = *refusal;
        let renews_at = Timestamp::from_millisecond(renews_at_ms)
            .map(|time| time.to_zoned(zone.clone()).strftime("%Y-%m-%dT%H:%M:%S%:z").to_string())
            .unwrap_or_default();
        Self { whose, budget, used, reserved, needed, renews_at }
    }
}

impl fmt::Display for BudgetDenied {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { whose, budget, used, reserved, needed, renews_at } = self;
        let period = match budget.period {
            BudgetPeriod::Day => "daily",
            BudgetPeriod::Month => "monthly",
        };
        let number = |count: u64| match budget.amount {
            BudgetAmount::Tokens { .. } => count.to_string(),
            BudgetAmount::Money { .. } => Amount::from_nanos(i64::try_from(count).unwrap_or(i64::MAX)).to_string(),
        };
        let unit = match &budget.amount {
            BudgetAmount::Tokens { .. } => "tokens",
            BudgetAmount::Money { currency, .. } => currency.as_str(),
        };
        let granted = granted(&budget.amount);
        let (all, used_text) = (number(granted), number(*used));
        if *used >= granted {
            write!(formatter, "The {period} budget of {whose} is used up: {used_text} of {all} {unit}.")?;
        } else {
            let (reserved, needed) = (number(*reserved), number(*needed));
            write!(
                formatter,
                "The {period} budget of {whose} has no room for this request: of {all} {unit}, {used_text} are used and \
                 {reserved} are reserved for requests under way, and this one needs about {needed}."
            )?;
        }
        write!(formatter, " It begins anew at {renews_at}; until then, ask an administrator for more.")
    }
}
