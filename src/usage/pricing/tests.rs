//! Tests of prices and costs.

#![expect(clippy::unwrap_used, reason = "tests")]

use std::collections::HashSet;

use proptest::prelude::*;

use super::shipped::{File, without_date};
use super::*;
use crate::model::{Amount, Currency, Money, Price, PriceSource, ProviderKind, ServerId, TokenCounts};

fn amount(text: &str) -> Amount {
    text.parse().unwrap()
}

fn price(input: &str, cached_input: Option<&str>, output: &str) -> Price {
    let cached_input = cached_input.map(amount);
    Price { currency: Currency::USD, input: amount(input), cached_input, output: amount(output) }
}

fn tokens(input: Option<i64>, cached: Option<i64>, output: Option<i64>) -> TokenCounts {
    TokenCounts { input, cached, output, reasoning: None }
}

fn costs(price: &Price, tokens: TokenCounts) -> Option<String> {
    cost(price, &tokens).map(|money| money.amount.to_string())
}

#[test]
fn costs_are_exact() {
    let mini = price("0.15", Some("0.075"), "0.6");
    assert_eq!(costs(&mini, tokens(Some(1000), Some(400), Some(500))).as_deref(), Some("0.00042"));
    assert_eq!(costs(&mini, tokens(Some(1_000_000), None, Some(0))).as_deref(), Some("0.15"));
    // Cached input without a price of its own costs what other input costs; more than all of it cannot be cached.
    let plain = price("2", None, "8");
    assert_eq!(costs(&plain, tokens(Some(10), Some(10), Some(1))).as_deref(), Some("0.000028"));
    assert_eq!(costs(&mini, tokens(Some(10), Some(99), None)), costs(&mini, tokens(Some(10), Some(10), None)));
    // An embedding has no output; what has no counts at all has no cost.
    assert_eq!(costs(&price("0.02", None, "0"), tokens(Some(5), None, None)).as_deref(), Some("0.0000001"));
    assert_eq!(costs(&plain, tokens(None, None, Some(3))).as_deref(), Some("0.000024"));
    assert_eq!(costs(&plain, tokens(None, None, None)), None);
    // A free model costs nothing, and that is known.
    assert_eq!(costs(&price("0", None, "0"), tokens(Some(5), None, Some(5))).as_deref(), Some("0"));
}

#[test]
fn costs_are_rounded_half_up_to_billionths() {
    for (nanos, expected) in [(499_999, 0), (500_000, 1), (1_499_999, 1), (1_500_000, 2)] {
        let price = Price { input: Amount::from_nanos(nanos), ..price("0", None, "0") };
        assert_eq!(cost(&price, &tokens(Some(1), None, None)).unwrap().amount.nanos, expected, "{nanos}");
    }
}

#[test]
fn a_cost_that_nothing_can_hold_is_unknown() {
    let dear = price("1000000", None, "1000000");
    assert_eq!(cost(&dear, &tokens(Some(i64::MAX), None, Some(i64::MAX))), None);
    assert_eq!(costs(&dear, tokens(Some(-5), Some(-5), Some(1))).as_deref(), Some("1"));
}

proptest! {
    #[test]
    fn a_cost_is_within_half_a_billionth_of_the_true_one(
        input in 0_i64..1_000_000_000,
        cached in 0_i64..1_000_000_000,
        output in 0_i64..1_000_000_000,
        input_nanos in 0_i64..100_000_000_000,
        cached_nanos in proptest::option::of(0_i64..100_000_000_000),
        output_nanos in 0_i64..100_000_000_000,
    ) {
        let price = Price {
            currency: Currency::USD,
            input: Amount::from_nanos(input_nanos),
            cached_input: cached_nanos.map(Amount::from_nanos),
            output: Amount::from_nanos(output_nanos),
        };
        let Some(Money { amount, .. }) = cost(&price, &tokens(Some(input), Some(cached), Some(output))) else {
            return Err(TestCaseError::fail("no cost"));
        };
        let cached = cached.min(input);
        let exact = i128::from(input - cached) * i128::from(input_nanos)
            + i128::from(cached) * i128::from(cached_nanos.unwrap_or(input_nanos))
            + i128::from(output) * i128::from(output_nanos);
        let error = 2 * (i128::from(amount.nanos) * 1_000_000 - exact);
        prop_assert!((-1_000_000 < error) && (error <= 1_000_000), "{error}");
        // More tokens never cost less.
        let more = cost(&price, &tokens(Some(input), Some(cached), Some(output + 1)));
        prop_assert!(more.is_some_and(|more| more.amount >= amount));
    }

    #[test]
    fn the_last_price_that_had_begun_is_valid(mut times in proptest::collection::vec(-50_i64..50, 0..8), now in -60_i64..60) {
        let entered = |time: i64| EnteredPrice {
            model: "m".to_owned(),
            server_id: None,
            valid_from_ms: time,
            price: Price { input: Amount::from_nanos(time), ..price("0", None, "0") },
        };
        let book = PriceBook::new(times.iter().copied().map(entered).collect());
        let history = book.history(ServerId(1), "m", ProviderKind::OpenAi, "h", "no such model");
        times.retain(|time| *time <= now);
        let expected = times.into_iter().max();
        prop_assert_eq!(history.at(now).map(|(price, _)| price.input.nanos), expected);
    }
}

#[test]
fn the_nearest_price_is_taken() {
    let entered = |server_id, valid_from_ms, input| EnteredPrice {
        model: "fast".to_owned(),
        server_id,
        valid_from_ms,
        price: price(input, None, "0"),
    };
    let book = PriceBook::new(vec![
        entered(None, 0, "1"),
        entered(Some(ServerId(1)), 100, "2"),
        entered(Some(ServerId(1)), 200, "3"),
        entered(None, 300, "4"),
    ]);
    let history = |server| book.history(ServerId(server), "fast", ProviderKind::OpenAi, "h", "gpt-4o-mini");
    let at = |server, time| {
        let (price, source) = history(server).at(time).unwrap();
        (price.input.to_string(), source)
    };
    assert_eq!(at(1, -1), ("0.15".to_owned(), PriceSource::Shipped));
    assert_eq!(at(1, 99), ("1".to_owned(), PriceSource::Model));
    assert_eq!(at(1, 100), ("2".to_owned(), PriceSource::Server));
    assert_eq!(at(1, 500), ("3".to_owned(), PriceSource::Server));
    assert_eq!(at(2, 250), ("1".to_owned(), PriceSource::Model));
    assert_eq!(at(2, 300), ("4".to_owned(), PriceSource::Model));
    // The public name is what prices are entered for, the upstream's name what the shipped ones are for.
    let other = book.history(ServerId(1), "gpt-4o-mini", ProviderKind::OpenAi, "h", "fast");
    assert_eq!(other.at(1000), None);
}

#[test]
fn the_shipped_table_is_sound() {
    let file: File = serde_json::from_str(include_str!("shipped.json")).unwrap();
    assert!(file.date.parse::<jiff::civil::Date>().is_ok(), "{}", file.date);
    let most = amount("1000000");
    let mut seen = HashSet::new();
    let table = ShippedTable::new(file);
    assert!(table.prices().len() > 50);
    for known in table.prices() {
        assert!(crate::model::is_model_name(&known.model), "{known:?}");
        assert!(seen.insert((known.vendor.clone(), known.model.clone(), known.price.currency)), "twice: {known:?}");
        let Price { input, cached_input, output, .. } = known.price;
        for amount in [Some(input), cached_input, Some(output)].into_iter().flatten() {
            assert!((Amount::default()..=most).contains(&amount), "{known:?}");
        }
        // Reading from a cache is never dearer.
        assert!(cached_input.is_none_or(|cached| cached <= input), "{known:?}");
    }
    assert_eq!(table.date(), SHIPPED.date());
    assert!(!SHIPPED.prices().is_empty());
}

#[test]
fn shipped_prices_know_dated_names_and_places() {
    let input =
        |host: &str, model: &str| SHIPPED.find(host, model).map(|price| format!("{} {}", price.input, price.currency));
    assert_eq!(input("api.openai.com", "gpt-4o").as_deref(), Some("2.5 USD"));
    assert_eq!(input("127.0.0.1", "gpt-4o-2024-08-06").as_deref(), Some("2.5 USD"));
    assert_eq!(input("api.openai.com", "gpt-4o-2024-05-13"), None);
    assert_eq!(input("api.anthropic.com", "claude-haiku-4-5-20251001").as_deref(), Some("1 USD"));
    assert_eq!(input("api.z.ai", "glm-5.3").as_deref(), Some("1.4 USD"));
    assert_eq!(input("OPEN.bigmodel.cn", "glm-5.3").as_deref(), Some("8 CNY"));
    assert_eq!(input("dashscope.aliyuncs.com", "qwen-max"), None);
    assert_eq!(input("localhost", "openai/gpt-oss-120b"), None);
    assert_eq!(input("api.groq.com", "openai/gpt-oss-120b").as_deref(), Some("0.15 USD"));
    assert_eq!(input("api.openai.com", "gpt-4o-audio"), None);
    assert_eq!(without_date("gpt-4o-2024-08-06"), Some("gpt-4o"));
    for name in ["-2024-08-06", "gpt-4o", "gpt-4o-2024-8-06", "水2024-08-06", ""] {
        assert_eq!(without_date(name), None, "{name}");
    }
}
