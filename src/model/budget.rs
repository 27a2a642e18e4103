//! Budgets: how much an app or a key may use in a day or a month.

use serde::{Deserialize, Serialize};

use super::limit::named_set;
use super::{Amount, Currency, Problem};

named_set!(
    /// For how long a budget is; both in the reporting time zone.
    BudgetPeriod {
        /// From midnight to midnight.
        Day = "day";
        /// From the first of a month to the next.
        #[default]
        Month = "month";
    }
);

/// How much of what.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(tag = "unit", rename_all = "snake_case", deny_unknown_fields)]
pub enum BudgetAmount {
    /// Input and output tokens together.
    Tokens {
        /// 1 to 10^15.
        tokens: u64,
    },
    /// Money of one currency. What costs another currency, or has no price, does not count.
    Money {
        /// More than 0.
        amount: Amount,
        /// Of which currency.
        currency: Currency,
    },
}

/// One budget. An app or a key has at most one for each period and unit.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Budget {
    /// For how long.
    pub period: BudgetPeriod,
    /// How much.
    #[serde(flatten)]
    pub amount: BudgetAmount,
    /// From how many percent of it on a warning is shown: 1 to 100, 80 if none is given.
    #[serde(default = "warn_percent_default")]
    pub warn_percent: u8,
}

const fn warn_percent_default() -> u8 {
    80
}

/// A budget and how much of it is used.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct BudgetState {
    /// The budget.
    #[serde(flatten)]
    pub budget: Budget,
    /// What was used in the current period: tokens, or billionths of the currency.
    pub used: u64,
    /// What requests under way are expected to use besides.
    pub reserved: u64,
    /// How it is.
    pub level: BudgetLevel,
    /// When the current period began, in milliseconds since 1970 UTC.
    pub period_start_ms: i64,
    /// When the next one begins.
    pub period_end_ms: i64,
}

/// How a budget is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum BudgetLevel {
    /// Below the threshold of the warning.
    Ok,
    /// At the threshold or above.
    Warning,
    /// Used up: requests are refused until the next period.
    Exceeded,
}
