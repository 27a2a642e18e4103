//! How much: tokens, and money by currency.

use crate::model::{BudgetAmount, Currency, Money, Price, TokenCounts};
use crate::usage::UsageRecord;
use crate::usage::pricing::cost;

/// Tokens, and billionths of currencies. Sums stop at the largest number instead of running over.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Measure {
    /// Input and output together.
    pub tokens: u64,
    /// By currency; there are as many as prices name, a handful.
    money: Vec<(Currency, u64)>,
}

impl Measure {
    /// So many tokens and no money.
    pub const fn of_tokens(tokens: u64) -> Self {
        Self { tokens, money: Vec::new() }
    }

    /// What a request used.
    pub fn of_record(record: &UsageRecord) -> Self {
        let count = |tokens: Option<i64>| u64::try_from(tokens.unwrap_or(0)).unwrap_or(0);
        let mut measure = Self::of_tokens(count(record.tokens.input).saturating_add(count(record.tokens.output)));
        if let Some(Money { amount, currency }) = record.cost {
            measure.add_money(currency, u64::try_from(amount.nanos).unwrap_or(0));
        }
        measure
    }

    /// Adds billionths of a currency.
    pub fn add_money(&mut self, currency: Currency, nanos: u64) {
        if nanos == 0 {
            return;
        }
        match self.money.iter_mut().find(|(known, _)| *known == currency) {
            Some((_, sum)) => *sum = sum.saturating_add(nanos),
            None => self.money.push((currency, nanos)),
        }
    }

    /// At least so many billionths of a currency.
    fn at_least(&mut self, currency: Currency, nanos: u64) {
        let known = self.money(currency);
        self.add_money(currency, nanos.saturating_sub(known));
    }

    fn money(&self, currency: Currency) -> u64 {
        self.money.iter().find(|(known, _)| *known == currency).map_or(0, |(_, sum)| *sum)
    }

    /// Whether there is nothing in it.
    pub const fn is_zero(&self) -> bool {
        self.tokens == 0 && self.money.is_empty()
    }

    pub(super) fn add(&mut self, other: &Self) {
        self.tokens = self.tokens.saturating_add(other.tokens);
        for (currency, nanos) in &other.money {
            self.add_money(*currency, *nanos);
        }
    }

    pub(super) fn subtract(&mut self, other: &Self) {
        self.tokens = self.tokens.saturating_sub(other.tokens);
        for (currency, nanos) in &other.money {
            if let Some((_, sum)) = self.money.iter_mut().find(|(known, _)| known == currency) {
                *sum = sum.saturating_sub(*nanos);
            }
        }
    }

    /// As much of it as a budget of this amount counts: tokens, or billionths of its currency.
    pub fn counted_by(&self, amount: &BudgetAmount) -> u64 {
        match amount {
            BudgetAmount::Tokens { .. } => self.tokens,
            BudgetAmount::Money { currency, .. } => self.money(*currency),
        }
    }
}

/// How much a budget grants: tokens, or billionths of its currency.
pub(super) fn granted(amount: &BudgetAmount) -> u64 {
    match amount {
        BudgetAmount::Tokens { tokens } => *tokens,
        BudgetAmount::Money { amount, .. } => u64::try_from(amount.nanos).unwrap_or(0),
    }
}

/// What a request will use, as far as can be told before it is sent.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Need {
    /// What it may use for certain: its input, and the output that the client itself allows at most. It has to fit.
    pub(super) certain: Measure,
    /// The same with an output that is only expected. It is reserved; nobody is refused because of a guess.
    pub(super) likely: Measure,
}

impl Need {
    /// Of a request with so many tokens, at the dearest of these prices.
    pub fn new(input: u64, output: u64, output_is_bound: bool, prices: impl Iterator<Item = Price>) -> Self {
        let certain_output = if output_is_bound { output } else { 0 };
        let mut need = Self {
            certain: Measure::of_tokens(input.saturating_add(certain_output)),
            likely: Measure::of_tokens(input.saturating_add(output)),
        };
        for price in prices {
            need.certain.at_least(price.currency, price_of(&price, input, certain_output));
            need.likely.at_least(price.currency, price_of(&price, input, output));
        }
        need
    }
}

/// Billionths. What is too much to be counted is more than any budget has.
fn price_of(price: &Price, input: u64, output: u64) -> u64 {
    let count = |tokens: u64| Some(i64::try_from(tokens).unwrap_or(i64::MAX));
    let tokens = TokenCounts { input: count(input), output: count(output), ..TokenCounts::default() };
    cost(price, &tokens).map_or(u64::MAX, |money| u64::try_from(money.amount.nanos).unwrap_or(0))
}
