//! The arithmetic of a request's cost.

use crate::model::{Amount, Money, Price, TokenCounts};

/// Prices are per so many tokens.
const TOKENS_PER_PRICE: i128 = 1_000_000;

/// What these tokens cost: input that was not cached, cached input and output, each at its price, in billionths of the
/// currency's unit, rounded half up once at the end. None where no tokens are known, and where the product is beyond
/// everything that can be stored.
///
/// Cached tokens are part of the input. What is not said counts as none: an embedding has no output.
pub fn cost(price: &Price, tokens: &TokenCounts) -> Option<Money> {
    if tokens.input.is_none() && tokens.output.is_none() {
        return None;
    }
    let count = |tokens: Option<i64>| i128::from(tokens.unwrap_or(0).max(0));
    let nanos = |amount: Amount| i128::from(amount.nanos);
    let input = count(tokens.input);
    let cached = count(tokens.cached).min(input);
    let cached_price = price.cached_input.unwrap_or(price.input);
    // Each factor has at most 63 bits: no sum of three such products runs over.
    let millionfold = (input - cached) * nanos(price.input)
        + cached * nanos(cached_price)
        + count(tokens.output) * nanos(price.output);
    let rounded = (millionfold + TOKENS_PER_PRICE / 2).div_euclid(TOKENS_PER_PRICE);
    let amount = Amount::from_nanos(i64::try_from(rounded).ok()?);
    Some(Money { amount, currency: price.currency })
}
