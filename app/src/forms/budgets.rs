//! Budgets as forms send them: tokens and money, per day and per month, for apps and keys.

use serde::{Deserialize, Serialize};
use sluice::model::{
    Amount, Budget, BudgetAmount, BudgetPeriod, BudgetState, Currency, FieldProblem, Problem, Refusal,
};

use crate::UiError;
use crate::format::parse_long_count;

/// From how many percent on a warning is shown if nobody says otherwise.
pub(crate) const WARN_PERCENT: u8 = 80;

/// One of the four budgets that a form has.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum BudgetKind {
    /// Tokens per day.
    DailyTokens,
    /// Tokens per month.
    MonthlyTokens,
    /// Money per day.
    DailyCost,
    /// Money per month.
    MonthlyCost,
}

impl BudgetKind {
    /// Every one, in the order of the form.
    pub(crate) const ALL: [Self; 4] = [Self::DailyTokens, Self::MonthlyTokens, Self::DailyCost, Self::MonthlyCost];

    /// The kind of a budget.
    pub(crate) const fn of(budget: &Budget) -> Self {
        match (budget.period, budget.amount) {
            (BudgetPeriod::Day, BudgetAmount::Tokens { .. }) => Self::DailyTokens,
            (BudgetPeriod::Month, BudgetAmount::Tokens { .. }) => Self::MonthlyTokens,
            (BudgetPeriod::Day, BudgetAmount::Money { .. }) => Self::DailyCost,
            (BudgetPeriod::Month, BudgetAmount::Money { .. }) => Self::MonthlyCost,
        }
    }

    /// Its name in the form; problems of the amount have it too.
    pub(crate) const fn name(self) -> &'static str {
        match self {
            Self::DailyTokens => "daily_tokens",
            Self::MonthlyTokens => "monthly_tokens",
            Self::DailyCost => "daily_cost",
            Self::MonthlyCost => "monthly_cost",
        }
    }

    /// What problems of its currency are named.
    pub(crate) const fn currency_name(self) -> &'static str {
        match self {
            Self::MonthlyCost => "monthly_cost_currency",
            Self::DailyTokens | Self::MonthlyTokens | Self::DailyCost => "daily_cost_currency",
        }
    }

    /// What problems of its threshold are named.
    pub(crate) const fn warn_name(self) -> &'static str {
        match self {
            Self::DailyTokens => "daily_tokens_warn",
            Self::MonthlyTokens => "monthly_tokens_warn",
            Self::DailyCost => "daily_cost_warn",
            Self::MonthlyCost => "monthly_cost_warn",
        }
    }

    /// Whether it is one of money.
    pub(crate) const fn is_money(self) -> bool {
        matches!(self, Self::DailyCost | Self::MonthlyCost)
    }

    const fn period(self) -> BudgetPeriod {
        match self {
            Self::DailyTokens | Self::DailyCost => BudgetPeriod::Day,
            Self::MonthlyTokens | Self::MonthlyCost => BudgetPeriod::Month,
        }
    }
}

/// What the fields of one budget send: text as it was typed; an empty amount is no budget.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct BudgetForm {
    /// How much.
    pub amount: String,
    /// Of which currency; empty for tokens.
    pub currency: String,
    /// From how many percent on a warning is shown; empty for the default.
    pub warn: String,
}

/// What the fields of all four budgets send.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct BudgetsForm {
    /// Tokens per day.
    pub daily_tokens: BudgetForm,
    /// Tokens per month.
    pub monthly_tokens: BudgetForm,
    /// Money per day.
    pub daily_cost: BudgetForm,
    /// Money per month.
    pub monthly_cost: BudgetForm,
}

impl BudgetsForm {
    /// As the form shows budgets that are there.
    pub(crate) fn of(states: &[BudgetState]) -> Self {
        let mut form = Self::default();
        for BudgetState { budget, .. } in states {
            let (amount, currency) = match budget.amount {
                BudgetAmount::Tokens { tokens } => (tokens.to_string(), String::new()),
                BudgetAmount::Money { amount, currency } => (amount.to_string(), currency.to_string()),
            };
            let warn = budget.warn_percent.to_string();
            *form.get_mut(BudgetKind::of(budget)) = BudgetForm { amount, currency, warn };
        }
        form
    }

    /// The fields of one.
    pub(crate) const fn get(&self, kind: BudgetKind) -> &BudgetForm {
        match kind {
            BudgetKind::DailyTokens => &self.daily_tokens,
            BudgetKind::MonthlyTokens => &self.monthly_tokens,
            BudgetKind::DailyCost => &self.daily_cost,
            BudgetKind::MonthlyCost => &self.monthly_cost,
        }
    }

    const fn get_mut(&mut self, kind: BudgetKind) -> &mut BudgetForm {
        match kind {
            BudgetKind::DailyTokens => &mut self.daily_tokens,
            BudgetKind::MonthlyTokens => &mut self.monthly_tokens,
            BudgetKind::DailyCost => &mut self.daily_cost,
            BudgetKind::MonthlyCost => &mut self.monthly_cost,
        }
    }

    fn filled(&self) -> impl Iterator<Item = BudgetKind> {
        BudgetKind::ALL.into_iter().filter(|kind| !self.get(*kind).amount.trim().is_empty())
    }

    /// The budgets; what cannot be read is added to `problems`.
    pub(crate) fn read(&self, problems: &mut Vec<FieldProblem>) -> Vec<Budget> {
        let mut budgets = Vec::new();
        for kind in self.filled() {
            let BudgetForm { amount, currency, warn } = self.get(kind);
            let mut note = |field: &str, problem| problems.push(FieldProblem::new(field, problem));
            let warn_percent = match warn.trim().trim_end_matches('%').trim_end() {
                "" => Some(WARN_PERCENT),
                text if !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit()) => {
                    Some(text.parse().unwrap_or(u8::MAX))
                }
                _ => {
                    note(kind.warn_name(), Problem::NotANumber);
                    None
                }
            };
            let amount = if kind.is_money() {
                let currency = match currency.trim() {
                    "" => Ok(Currency::USD),
                    code => code.parse(),
                };
                let currency = currency.map_err(|problem| note(kind.currency_name(), problem)).ok();
                let amount = amount.parse::<Amount>().map_err(|problem| note(kind.name(), problem)).ok();
                amount.zip(currency).map(|(amount, currency)| BudgetAmount::Money { amount, currency })
            } else {
                let tokens = parse_long_count(amount).map_err(|problem| note(kind.name(), problem)).ok();
                tokens.map(|tokens| BudgetAmount::Tokens { tokens })
            };
            if let Some((amount, warn_percent)) = amount.zip(warn_percent) {
                budgets.push(Budget { period: kind.period(), amount, warn_percent });
            }
        }
        budgets
    }

    /// The budgets by themselves.
    ///
    /// # Errors
    /// Everything that cannot be read.
    pub fn parse(&self) -> Result<Vec<Budget>, Vec<FieldProblem>> {
        let mut problems = Vec::new();
        let budgets = self.read(&mut problems);
        if problems.is_empty() { Ok(budgets) } else { Err(problems) }
    }

    /// Names the fields of the form in what the service said about `budgets[0].tokens`.
    pub fn locate(&self, error: UiError) -> UiError {
        let UiError::Refused { refusal: Refusal::Invalid { mut fields } } = error else { return error };
        let filled: Vec<BudgetKind> = self.filled().collect();
        for problem in &mut fields {
            let Some((index, part)) = problem.field.strip_prefix("budgets[").and_then(|rest| rest.split_once("]."))
            else {
                continue;
            };
            let kind = index.parse::<usize>().ok().and_then(|index| filled.get(index));
            if let Some(kind) = kind {
                let name = if part == "warn_percent" { kind.warn_name() } else { kind.name() };
                name.clone_into(&mut problem.field);
            }
        }
        Refusal::Invalid { fields }.into()
    }
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "tests")]
mod tests {
    use super::*;

    fn form() -> BudgetsForm {
        let field = |amount: &str, currency: &str, warn: &str| BudgetForm {
            amount: amount.to_owned(),
            currency: currency.to_owned(),
            warn: warn.to_owned(),
        };
        BudgetsForm {
            daily_tokens: BudgetForm::default(),
            monthly_tokens: field("1,000,000,000,000", "", " 90 % "),
            daily_cost: field("2.50", "", ""),
            monthly_cost: field("300", "cny", "50"),
        }
    }

    #[test]
    fn reads_what_is_filled_and_shows_it_again() {
        let budgets = form().parse().unwrap();
        let printed: Vec<String> = budgets
            .iter()
            .map(|budget| {
                let amount = match budget.amount {
                    BudgetAmount::Tokens { tokens } => tokens.to_string(),
                    BudgetAmount::Money { amount, currency } => format!("{amount} {currency}"),
                };
                format!("{} {amount} {}", budget.period, budget.warn_percent)
            })
            .collect();
        assert_eq!(printed, ["month 1000000000000 90", "day 2.5 USD 80", "month 300 CNY 50"]);
        let states: Vec<BudgetState> = budgets
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
        assert_eq!(BudgetsForm::of(&states).parse().unwrap(), budgets);
    }

    #[test]
    fn says_which_field_is_wrong() {
        let mut wrong = form();
        wrong.monthly_tokens.amount = "1.5".to_owned();
        wrong.daily_cost.amount = "much".to_owned();
        wrong.daily_cost.currency = "dollars".to_owned();
        wrong.monthly_cost.warn = "soon".to_owned();
        let fields: Vec<String> = wrong.parse().unwrap_err().into_iter().map(|problem| problem.field).collect();
        assert_eq!(fields, ["monthly_tokens", "daily_cost_currency", "daily_cost", "monthly_cost_warn"]);
    }

    #[test]
    fn names_its_fields_in_what_the_service_says() {
        let said = ["budgets[0].tokens", "budgets[2].warn_percent", "budgets[9].tokens", "name"];
        let fields = said.map(|field| FieldProblem::new(field, Problem::NotPositive)).to_vec();
        let located = form().locate(Refusal::Invalid { fields }.into());
        let names: Vec<&str> = located.fields().iter().map(|problem| problem.field.as_str()).collect();
        assert_eq!(names, ["monthly_tokens", "monthly_cost_warn", "budgets[9].tokens", "name"]);
    }
}
