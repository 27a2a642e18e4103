//! Budgets as arguments, and how they are printed.

use std::str::FromStr;

use clap::Args;
use sluice::model::{Amount, Budget, BudgetAmount, BudgetPeriod, BudgetState, Currency};

/// A budget that was named: an amount, or `none`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Named(Option<BudgetAmount>);

fn tokens(text: &str) -> Result<Named, String> {
    if text == "none" {
        return Ok(Named(None));
    }
    let tokens = text.parse().map_err(|_| "a budget of tokens is a whole number, or `none`".to_owned())?;
    Ok(Named(Some(BudgetAmount::Tokens { tokens })))
}

fn money(text: &str) -> Result<Named, String> {
    if text == "none" {
        return Ok(Named(None));
    }
    let mut words = text.split_whitespace();
    let (Some(amount), currency, None) = (words.next(), words.next(), words.next()) else {
        return Err("a budget of money looks like `20`, `20 USD` or `none`".to_owned());
    };
    let amount = Amount::from_str(amount).map_err(|problem| format!("the amount {problem}"))?;
    let currency =
        currency.map_or(Ok(Currency::USD), |code| code.parse().map_err(|problem| format!("`{code}` {problem}")))?;
    Ok(Named(Some(BudgetAmount::Money { amount, currency })))
}

/// Budgets; one that is not named stays as it is.
#[derive(Debug, Args)]
pub(super) struct BudgetArguments {
    /// Most tokens per day, input and output together, or `none`
    #[arg(long, value_name = "NUMBER|none", value_parser = tokens)]
    daily_tokens: Option<Named>,
    /// Most tokens per month, or `none`
    #[arg(long, value_name = "NUMBER|none", value_parser = tokens)]
    monthly_tokens: Option<Named>,
    /// Most money per day, such as `5` (US dollars) or `"30 CNY"`, or `none`
    #[arg(long, value_name = "AMOUNT|none", value_parser = money)]
    daily_cost: Option<Named>,
    /// Most money per month, or `none`
    #[arg(long, value_name = "AMOUNT|none", value_parser = money)]
    monthly_cost: Option<Named>,
    /// From how many percent of its budgets on a warning is shown, 1 to 100 (80 for new ones)
    #[arg(long, value_name = "PERCENT")]
    warn_at: Option<u8>,
}

impl BudgetArguments {
    /// The known budgets with what was named.
    pub(super) fn apply(&self, known: &[BudgetState]) -> Vec<Budget> {
        let mut budgets: Vec<Budget> = known.iter().map(|state| state.budget).collect();
        let named = [
            (self.daily_tokens, BudgetPeriod::Day, false),
            (self.monthly_tokens, BudgetPeriod::Month, false),
            (self.daily_cost, BudgetPeriod::Day, true),
            (self.monthly_cost, BudgetPeriod::Month, true),
        ];
        for (named, period, of_money) in named {
            let Some(Named(amount)) = named else { continue };
            let same = |budget: &Budget| budget.period == period && is_money(&budget.amount) == of_money;
            let warn_percent =
                budgets.iter().find(|budget| same(budget)).map_or(WARN_PERCENT, |budget| budget.warn_percent);
            budgets.retain(|budget| !same(budget));
            budgets.extend(amount.map(|amount| Budget { period, amount, warn_percent }));
        }
        for budget in &mut budgets {
            budget.warn_percent = self.warn_at.unwrap_or(budget.warn_percent);
        }
        budgets
    }
}

/// Where a warning begins if nobody says otherwise.
const WARN_PERCENT: u8 = 80;

const fn is_money(amount: &BudgetAmount) -> bool {
    matches!(amount, BudgetAmount::Money { .. })
}

/// Budgets in a few words, for a table: what is used of them.
pub(super) fn print_budgets(budgets: &[BudgetState]) -> String {
    let parts: Vec<String> = budgets
        .iter()
        .map(|state| {
            let period = state.budget.period;
            match state.budget.amount {
                BudgetAmount::Tokens { tokens } => format!("{}/{tokens} tokens per {period}", state.used),
                BudgetAmount::Money { amount, currency } => {
                    let used = Amount::from_nanos(i64::try_from(state.used).unwrap_or(i64::MAX));
                    format!("{used}/{amount} {currency} per {period}")
                }
            }
        })
        .collect();
    if parts.is_empty() { "none".to_owned() } else { parts.join(", ") }
}

#[cfg(test)]
mod tests {
    use clap::Parser;

    use super::*;

    #[derive(Debug, Parser)]
    struct Line {
        #[command(flatten)]
        budgets: BudgetArguments,
    }

    fn apply(arguments: &[&str], known: &[Budget]) -> Option<Vec<Budget>> {
        let states: Vec<BudgetState> = known
            .iter()
            .map(|budget| BudgetState {
                budget: *budget,
                used: 0,
                reserved: 0,
                level: sluice::model::BudgetLevel::Ok,
                period_start_ms: 0,
                period_end_ms: 1,
            })
            .collect();
        Line::try_parse_from(std::iter::once(&"x").chain(arguments)).ok().map(|line| line.budgets.apply(&states))
    }

    #[test]
    fn what_is_named_changes_and_the_rest_stays() {
        let tokens = |period, tokens| Budget { period, amount: BudgetAmount::Tokens { tokens }, warn_percent: 50 };
        let known = [tokens(BudgetPeriod::Day, 10), tokens(BudgetPeriod::Month, 100)];
        assert_eq!(apply(&[], &known), Some(known.to_vec()));
        assert_eq!(apply(&["--daily-tokens", "none"], &known), Some(vec![tokens(BudgetPeriod::Month, 100)]));
        let more = apply(&["--monthly-tokens", "200", "--monthly-cost", "2.5 cny", "--warn-at", "90"], &known);
        let printed: Vec<String> = more
            .iter()
            .flatten()
            .map(|budget| format!("{} {:?} {}", budget.period, budget.amount, budget.warn_percent))
            .collect();
        assert_eq!(
            printed,
            [
                "day Tokens { tokens: 10 } 90",
                "month Tokens { tokens: 200 } 90",
                "month Money { amount: Amount { nanos: 2500000000 }, currency: CNY } 90"
            ]
        );
    }

    #[test]
    fn refuses_what_it_cannot_read() {
        for arguments in [
            ["--daily-tokens", "many"],
            ["--daily-cost", "1 2 3"],
            ["--daily-cost", "1 euro"],
            ["--monthly-cost", "x"],
            ["--warn-at", "256"],
        ] {
            assert_eq!(apply(&arguments, &[]), None, "{arguments:?}");
        }
    }
}
