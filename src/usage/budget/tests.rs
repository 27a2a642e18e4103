//! Tests of budgets, in virtual time.

#![expect(clippy::unwrap_used, reason = "tests")]

use std::collections::HashMap;

use jiff::tz::TimeZone;
use proptest::prelude::*;

use super::measure::{Measure, Need};
use super::period::Span;
use super::state::{Spender, State};
use crate::model::{Amount, AppId, Budget, BudgetAmount, BudgetLevel, BudgetPeriod, Currency, KeyId, Price};

const APP: Spender = Spender::App(AppId(1));
const HOUR: i64 = 3_600_000;
/// 2026-11-21T00:00:00Z.
const MIDNIGHT: i64 = 1_795_219_200_000;

fn tokens(period: BudgetPeriod, tokens: u64) -> Budget {
    Budget { period, amount: BudgetAmount::Tokens { tokens }, warn_percent: 80 }
}

fn need(input: u64, output: u64, output_is_bound: bool) -> Need {
    Need::new(input, output, output_is_bound, std::iter::empty())
}

fn ms(text: &str) -> i64 {
    text.parse::<jiff::Timestamp>().unwrap().as_millisecond()
}

#[test]
fn days_and_months_are_those_of_the_zone() {
    let span = |period, at: &str, zone: &str| {
        let Span { start_ms, end_ms } = Span::around(period, ms(at), &TimeZone::get(zone).unwrap());
        [start_ms, end_ms].map(|time| jiff::Timestamp::from_millisecond(time).unwrap().to_string())
    };
    let day = BudgetPeriod::Day;
    assert_eq!(span(day, "2026-11-20T18:29:59Z", "Asia/Kolkata"), ["2026-11-19T18:30:00Z", "2026-11-20T18:30:00Z"]);
    assert_eq!(span(day, "2026-11-20T18:30:00Z", "Asia/Kolkata"), ["2026-11-20T18:30:00Z", "2026-11-21T18:30:00Z"]);
    // Days of 23 and 25 hours.
    assert_eq!(span(day, "2026-03-08T12:00:00Z", "America/New_York"), ["2026-03-08T05:00:00Z", "2026-03-09T04:00:00Z"]);
    assert_eq!(span(day, "2026-11-01T12:00:00Z", "America/New_York"), ["2026-11-01T04:00:00Z", "2026-11-02T05:00:00Z"]);
    // A midnight that does not exist.
    assert_eq!(span(day, "2026-09-06T12:00:00Z", "America/Santiago"), ["2026-09-06T04:00:00Z", "2026-09-07T03:00:00Z"]);
    let month = BudgetPeriod::Month;
    assert_eq!(span(month, "2026-11-30T17:00:00Z", "Asia/Shanghai"), ["2026-11-30T16:00:00Z", "2026-12-31T16:00:00Z"]);
    assert_eq!(span(month, "2024-02-29T23:59:59Z", "UTC"), ["2024-02-01T00:00:00Z", "2024-03-01T00:00:00Z"]);
}

#[test]
fn what_does_not_fit_reserves_nothing_anywhere() {
    let mut state = State::new(TimeZone::UTC, MIDNIGHT);
    let key = Spender::Key(KeyId(7));
    let claims = || {
        vec![
            (key.clone(), vec![tokens(BudgetPeriod::Month, 1000)]),
            (APP, vec![tokens(BudgetPeriod::Month, 1000), tokens(BudgetPeriod::Day, 100)]),
        ]
    };
    let first = state.reserve(MIDNIGHT, claims(), need(10, 50, true)).unwrap();
    let refusal = state.reserve(MIDNIGHT, claims(), need(10, 31, true)).unwrap_err();
    assert_eq!((refusal.claim, refusal.budget.period), (1, BudgetPeriod::Day));
    assert_eq!((refusal.used, refusal.reserved, refusal.needed), (0, 60, 41));
    assert_eq!(refusal.renews_at_ms, MIDNIGHT + 24 * HOUR);
    assert_eq!(state.reserved(&key, BudgetPeriod::Month), Measure::of_tokens(60));
    let second = state.reserve(MIDNIGHT, claims(), need(10, 30, true)).unwrap();
    state.release(MIDNIGHT, first);
    state.release(MIDNIGHT, second);
    assert_eq!(state.reserved(&APP, BudgetPeriod::Day), Measure::default());
    assert_eq!(state.reserved(&key, BudgetPeriod::Month), Measure::default());
}

#[test]
fn nobody_is_refused_because_of_a_guess_but_one_at_a_time_takes_the_rest() {
    let mut state = State::new(TimeZone::UTC, MIDNIGHT);
    let claims = || vec![(APP, vec![tokens(BudgetPeriod::Day, 100)])];
    let first = state.reserve(MIDNIGHT, claims(), need(10, 512, false)).unwrap();
    assert!(state.reserve(MIDNIGHT, claims(), need(10, 512, false)).is_err());
    state.release(MIDNIGHT, first);
    state.spend(MIDNIGHT, APP, &[], MIDNIGHT, &Measure::of_tokens(99));
    // The input is no guess.
    assert!(state.reserve(MIDNIGHT, claims(), need(2, 512, false)).is_err());
    assert!(state.reserve(MIDNIGHT, claims(), need(1, 512, false)).is_ok());
}

#[test]
fn money_counts_at_the_dearest_price_of_its_currency() {
    let price = |currency: &str, output: &str| Price {
        currency: currency.parse().unwrap(),
        input: Amount::from_nanos(1_000_000_000),
        cached_input: None,
        output: output.parse().unwrap(),
    };
    let prices = [price("USD", "2"), price("USD", "8"), price("CNY", "30")];
    let money = |currency, nanos| Budget {
        period: BudgetPeriod::Day,
        amount: BudgetAmount::Money { amount: Amount::from_nanos(nanos), currency },
        warn_percent: 50,
    };
    let need = || Need::new(1000, 1000, true, prices.into_iter());
    // 1000 tokens at 1 and 1000 at 8 per million.
    let exact = 9_000_000;
    let mut state = State::new(TimeZone::UTC, MIDNIGHT);
    let refused = state.reserve(MIDNIGHT, vec![(APP, vec![money(Currency::USD, exact - 1)])], need()).unwrap_err();
    assert_eq!(refused.needed, 9_000_000);
    assert!(state.reserve(MIDNIGHT, vec![(APP, vec![money(Currency::USD, exact)])], need()).is_ok());
    // What costs another currency or nothing at all does not count, and is not refused.
    let mut used = Measure::default();
    used.add_money("EUR".parse().unwrap(), 5);
    state.spend(MIDNIGHT, APP, &[], MIDNIGHT, &used);
    let euro = vec![money("EUR".parse().unwrap(), 1)];
    assert!(state.reserve(MIDNIGHT, vec![(APP, euro.clone())], need()).is_ok());
    assert_eq!(state.states(MIDNIGHT, &APP, &euro).first().unwrap().level, BudgetLevel::Exceeded);
}

#[test]
fn levels_are_crossed_once() {
    let mut state = State::new(TimeZone::UTC, MIDNIGHT);
    let budgets = [tokens(BudgetPeriod::Day, 10), tokens(BudgetPeriod::Month, 100)];
    let mut levels = Vec::new();
    for _ in 0..12 {
        let crossed = state.spend(MIDNIGHT, APP, &budgets, MIDNIGHT, &Measure::of_tokens(1));
        levels.extend(crossed.into_iter().map(|crossing| (crossing.budget.period, crossing.level, crossing.used)));
    }
    let day = BudgetPeriod::Day;
    assert_eq!(levels, [(day, BudgetLevel::Warning, 8), (day, BudgetLevel::Exceeded, 10)]);
    let states = state.states(MIDNIGHT, &APP, &budgets);
    let found: Vec<_> = states.iter().map(|state| (state.used, state.level)).collect();
    assert_eq!(found, [(12, BudgetLevel::Exceeded), (12, BudgetLevel::Ok)]);
}

#[test]
fn a_period_begins_anew_at_its_instant() {
    let mut state = State::new(TimeZone::UTC, MIDNIGHT);
    let budgets = vec![tokens(BudgetPeriod::Day, 10), tokens(BudgetPeriod::Month, 15)];
    let claims = || vec![(APP, budgets.clone())];
    let last = MIDNIGHT + 24 * HOUR - 1;
    let ticket = state.reserve(last, claims(), need(4, 0, true)).unwrap();
    state.spend(last, APP, &[], last, &Measure::of_tokens(6));
    assert!(state.reserve(last, claims(), need(1, 0, true)).is_err());
    let next = last + 1;
    let other = state.reserve(next, claims(), need(5, 0, true)).unwrap();
    // 6 used and 9 reserved of the month; the first request ends today and belongs to yesterday.
    assert!(state.reserve(next, claims(), need(1, 0, true)).is_err());
    state.release(next, ticket);
    state.spend(next, APP, &[], last, &Measure::of_tokens(4));
    let used = |state: &mut State| -> Vec<_> {
        state.states(next, &APP, &budgets).iter().map(|state| (state.used, state.reserved)).collect()
    };
    assert_eq!(used(&mut state), [(0, 5), (10, 5)]);
    state.release(next, other);
    state.spend(next, APP, &[], next, &Measure::of_tokens(5));
    assert_eq!(used(&mut state), [(5, 0), (15, 0)]);
}

#[test]
fn a_clock_that_is_set_back_a_little_does_not_wipe_the_day() {
    let mut state = State::new(TimeZone::UTC, MIDNIGHT - 1);
    let budget = [tokens(BudgetPeriod::Day, 100)];
    let used = Measure::of_tokens(60);
    state.spend(MIDNIGHT - 1, APP, &budget, MIDNIGHT - 1, &used);
    state.spend(MIDNIGHT, APP, &budget, MIDNIGHT, &used);
    // A thread that took its time before midnight, and a clock that is corrected by hours.
    for late in [MIDNIGHT - 1, MIDNIGHT - 23 * HOUR] {
        let found = state.states(late, &APP, &budget);
        let found: Vec<_> = found.iter().map(|found| (found.used, found.period_start_ms)).collect();
        assert_eq!(found, [(60, MIDNIGHT)]);
        state.spend(late, APP, &budget, late, &used);
    }
    assert_eq!(state.states(MIDNIGHT, &APP, &budget).first().unwrap().used, 60);
    // One that was wrong by days is put right.
    let found = state.states(MIDNIGHT - 48 * HOUR, &APP, &budget);
    assert_eq!(found.first().unwrap().period_start_ms, MIDNIGHT - 48 * HOUR);
}

#[test]
fn newcomers_keep_what_they_used_when_they_are_registered() {
    let mut state = State::new(TimeZone::UTC, MIDNIGHT);
    let name = || Spender::Newcomer("shop".to_owned());
    state.spend(MIDNIGHT, name(), &[], MIDNIGHT, &Measure::of_tokens(3));
    state.spend(MIDNIGHT, Spender::Key(KeyId(9)), &[], MIDNIGHT, &Measure::of_tokens(3));
    let id = |name: &str| (name == "shop").then_some(AppId(1));
    state.settle_in(id, |spender| *spender != Spender::Key(KeyId(9)));
    // One that was on its way when it was registered.
    state.spend(MIDNIGHT, name(), &[], MIDNIGHT, &Measure::of_tokens(4));
    let states = state.states(MIDNIGHT, &APP, &[tokens(BudgetPeriod::Day, 10)]);
    assert_eq!(states.first().unwrap().used, 7);
    assert_eq!(state.len(), 1);
}

#[test]
fn reading_the_database_again_counts_nothing_twice() {
    let mut state = State::new(TimeZone::UTC, MIDNIGHT);
    let span = Span::around(BudgetPeriod::Day, MIDNIGHT, &TimeZone::UTC);
    let budget = [tokens(BudgetPeriod::Day, 100)];
    state.remember(BudgetPeriod::Day, span, vec![(APP, Measure::of_tokens(5))]);
    state.spend(MIDNIGHT, APP, &[], MIDNIGHT, &Measure::of_tokens(2));
    let rows = vec![(APP, Measure::of_tokens(5)), (APP, Measure::of_tokens(6))];
    state.remember(BudgetPeriod::Day, span, rows);
    assert_eq!(state.states(MIDNIGHT, &APP, &budget).first().unwrap().used, 13);
    let yesterday = Span::around(BudgetPeriod::Day, MIDNIGHT - HOUR, &TimeZone::UTC);
    state.remember(BudgetPeriod::Day, yesterday, vec![(APP, Measure::of_tokens(50))]);
    assert_eq!(state.states(MIDNIGHT, &APP, &budget).first().unwrap().used, 13);
}

/// One step of a generated schedule.
#[derive(Clone, Debug)]
enum Step {
    /// A request of so many tokens asks to be let in; the answer takes this share of what it may take.
    Ask { input: u64, output: u64, share: u8 },
    /// One of the requests under way ends, well or not.
    End { which: prop::sample::Index, is_sent: bool },
    /// Time passes, in milliseconds.
    Wait(i64),
}

fn step() -> impl Strategy<Value = Step> {
    prop_oneof![
        5 => (1_u64..20, 0_u64..20, 0_u8..=100).prop_map(|(input, output, share)| Step::Ask { input, output, share }),
        3 => (any::<prop::sample::Index>(), any::<bool>()).prop_map(|(which, is_sent)| Step::End { which, is_sent }),
        1 => (0..30 * HOUR).prop_map(Step::Wait),
    ]
}

proptest! {
    /// However requests overlap, what they use together is never more than the budget of the day and of the month in which
    /// they arrived, and nothing stays reserved when all have ended.
    #[test]
    fn no_schedule_overruns_a_budget(steps in proptest::collection::vec(step(), 1..200), daily in 1_u64..120, monthly in 1_u64..300) {
        let mut now = MIDNIGHT;
        let mut state = State::new(TimeZone::UTC, now);
        let budgets = vec![tokens(BudgetPeriod::Day, daily), tokens(BudgetPeriod::Month, monthly)];
        let mut under_way = Vec::new();
        let mut spent: HashMap<(BudgetPeriod, i64), u64> = HashMap::new();
        let span_of = |period, at| Span::around(period, at, &TimeZone::UTC);
        for step in steps {
            match step {
                Step::Wait(pause) => now += pause,
                Step::Ask { input, output, share } => {
                    if let Ok(ticket) = state.reserve(now, vec![(APP, budgets.clone())], need(input, output, true)) {
                        let used = input + output * u64::from(share) / 100;
                        under_way.push((ticket, used, now));
                    }
                }
                Step::End { which, is_sent } => {
                    if under_way.is_empty() {
                        continue;
                    }
                    let (ticket, used, started) = under_way.swap_remove(which.index(under_way.len()));
                    state.release(now, ticket);
                    if is_sent {
                        state.spend(now, APP, &budgets, started, &Measure::of_tokens(used));
                        for period in [BudgetPeriod::Day, BudgetPeriod::Month] {
                            *spent.entry((period, span_of(period, started).start_ms)).or_default() += used;
                        }
                    }
                }
            }
            for found in state.states(now, &APP, &budgets) {
                let period = found.budget.period;
                let current = spent.get(&(period, span_of(period, now).start_ms)).copied().unwrap_or(0);
                prop_assert_eq!(found.used, current);
                let granted = if period == BudgetPeriod::Day { daily } else { monthly };
                prop_assert!(found.used + found.reserved <= granted, "{:?}", found);
            }
        }
        for ((period, _), used) in &spent {
            let granted = if *period == BudgetPeriod::Day { daily } else { monthly };
            prop_assert!(*used <= granted, "{} of {}", used, granted);
        }
        for (ticket, _, _) in under_way {
            state.release(now, ticket);
        }
        for period in [BudgetPeriod::Day, BudgetPeriod::Month] {
            prop_assert_eq!(state.reserved(&APP, period).tokens, 0);
        }
    }
}
