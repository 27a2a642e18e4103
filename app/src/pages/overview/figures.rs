//! The key figures of a range against the time before. Each leads to what is behind it.

use leptos::prelude::*;
use sluice::model::{Currency, Money, Outcome, Percentiles, UsageTotals};

use crate::components::{Glyph, Icon};
use crate::format::{count_text, duration_text, money_text, percent_text};
use crate::preferences::use_locale;
use crate::server_fns::overview::Figures;
use crate::translations::{Locale, td_string};
use crate::usage::{Measure, address};

/// Whether more of something is good.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Wish {
    /// Neither good nor bad.
    Neutral,
    /// Less is better.
    Less,
}

/// How a number changed against the time before.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Change {
    /// Not at all.
    Same,
    /// There was none before.
    New,
    /// It grew, by so many percent.
    Up(u64),
    /// It shrank, by so many percent.
    Down(u64),
}

impl Change {
    fn between(before: u64, now: u64) -> Self {
        let percent = |difference: u64| {
            let share = u128::from(difference) * 100 / u128::from(before.max(1));
            u64::try_from(share).unwrap_or(u64::MAX)
        };
        match (before, now) {
            (0, 0) => Self::Same,
            (0, _) => Self::New,
            _ if now > before => Self::Up(percent(now - before)),
            _ if now < before => Self::Down(percent(before - now)),
            _ => Self::Same,
        }
    }
}

/// One number.
struct Figure {
    label: &'static str,
    value: String,
    /// What the value is made of.
    detail: Option<String>,
    change: Change,
    before: String,
    wish: Wish,
    path: String,
}

/// A label, the percentiles of the range and of the time before, and which of them is meant.
type Latency = (&'static str, Option<Percentiles>, Option<Percentiles>, fn(Percentiles) -> u32);

/// The key figures.
#[component]
pub(super) fn KeyFigures(
    /// The numbers.
    figures: Figures,
) -> impl IntoView {
    let locale = use_locale();
    let compared = td_string!(
        locale,
        overview.compared,
        from = figures.from.clone(),
        to = figures.to.clone(),
        zone = figures.tz.clone()
    );
    let cards = all(locale, &figures).into_iter().map(|figure| card(locale, figure)).collect_view();
    view! {
        <section aria-label=td_string!(locale, overview.figures)>
            <p class="quiet mb-3 text-sm tabular-nums">{compared}</p>
            <ul class="grid grid-cols-2 gap-3 lg:grid-cols-4 lg:gap-4" data-figures>
                {cards}
            </ul>
        </section>
    }
    .into_any()
}

fn all(locale: Locale, figures: &Figures) -> Vec<Figure> {
    let Figures { now, before, from_bound, to_bound, .. } = figures;
    let (from, to) = (("from", Some(from_bound.as_str())), ("to", Some(to_bound.as_str())));
    let requests = |outcome: Option<&str>| address("/requests", &[from, to, ("outcome", outcome)]);
    let usage = |measure: Measure| address("/usage", &[from, to, ("measure", Some(measure.as_str()))]);
    let mut list = vec![
        Figure {
            label: td_string!(locale, overview.requests),
            value: count_text(now.requests),
            detail: None,
            change: Change::between(before.requests, now.requests),
            before: count_text(before.requests),
            wish: Wish::Neutral,
            path: requests(None),
        },
        Figure {
            label: td_string!(locale, overview.tokens),
            value: count_text(now.total_tokens),
            detail: Some(td_string!(
                locale,
                overview.tokens_detail,
                input = count_text(now.input_tokens),
                output = count_text(now.output_tokens)
            )),
            change: Change::between(before.total_tokens, now.total_tokens),
            before: count_text(before.total_tokens),
            wish: Wish::Neutral,
            path: usage(Measure::Tokens),
        },
    ];
    list.extend(costs(locale, now, before, &usage(Measure::Cost)));
    list.push(Figure {
        label: td_string!(locale, overview.error_rate),
        value: percent_text(now.errors, now.requests),
        detail: Some(td_string!(
            locale,
            overview.errors_detail,
            count = count_text(now.errors),
            all = count_text(now.requests)
        )),
        change: Change::between(millionths(before), millionths(now)),
        before: percent_text(before.errors, before.requests),
        wish: Wish::Less,
        path: requests(Some(&failed_outcomes())),
    });
    let latencies: [Latency; 3] = [
        (td_string!(locale, overview.latency_p50), now.duration_ms, before.duration_ms, |it| it.p50),
        (td_string!(locale, overview.latency_p95), now.duration_ms, before.duration_ms, |it| it.p95),
        (td_string!(locale, overview.first_byte_p95), now.first_byte_ms, before.first_byte_ms, |it| it.p95),
    ];
    for (label, now, before, pick) in latencies {
        let (now, before) = (now.map(pick), before.map(pick));
        let text = |value: Option<u32>| value.map_or_else(|| "–".to_owned(), duration_text);
        list.push(Figure {
            label,
            value: text(now),
            detail: None,
            change: Change::between(u64::from(before.unwrap_or(0)), u64::from(now.unwrap_or(0))),
            before: text(before),
            wish: Wish::Less,
            path: usage(Measure::Latency),
        });
    }
    list
}

/// The outcomes that count as errors.
const FAILED: [Outcome; 6] = [
    Outcome::UpstreamError,
    Outcome::UpstreamCut,
    Outcome::Rejected,
    Outcome::QueueTimeout,
    Outcome::QueueEvicted,
    Outcome::Interrupted,
];

/// The same as an address names them.
pub(super) fn failed_outcomes() -> String {
    FAILED.map(Outcome::as_str).join(",")
}

/// The share of errors in millionths.
fn millionths(totals: &UsageTotals) -> u64 {
    totals.errors.saturating_mul(1_000_000).checked_div(totals.requests).unwrap_or(0)
}

/// What it cost, a figure for each currency; one that says so if nobody knows.
fn costs(locale: Locale, now: &UsageTotals, before: &UsageTotals, path: &str) -> Vec<Figure> {
    let nanos = |totals: &UsageTotals, currency: Currency| {
        let cost = totals.costs.iter().find(|cost| cost.currency == currency);
        cost.map_or(Money { amount: sluice::model::Amount::default(), currency }, |cost| *cost)
    };
    let detail = match now.unpriced {
        0 => None,
        1 => Some(td_string!(locale, usage_page.unpriced_one).to_owned()),
        count => Some(td_string!(locale, usage_page.unpriced_many, count = count_text(count))),
    };
    let mut currencies: Vec<Currency> = now.costs.iter().chain(&before.costs).map(|cost| cost.currency).collect();
    currencies.sort_unstable();
    currencies.dedup();
    if currencies.is_empty() {
        let value = if now.unpriced > 0 { td_string!(locale, usage_page.unknown) } else { "–" };
        return vec![Figure {
            label: td_string!(locale, overview.cost),
            value: value.to_owned(),
            detail,
            change: Change::Same,
            before: String::new(),
            wish: Wish::Neutral,
            path: path.to_owned(),
        }];
    }
    let figure = |currency| {
        let (now, before) = (nanos(now, currency), nanos(before, currency));
        Figure {
            label: td_string!(locale, overview.cost),
            value: money_text(now),
            detail: detail.clone(),
            change: Change::between(before.amount.nanos.unsigned_abs(), now.amount.nanos.unsigned_abs()),
            before: money_text(before),
            wish: Wish::Neutral,
            path: path.to_owned(),
        }
    };
    currencies.into_iter().map(figure).collect()
}

fn card(locale: Locale, figure: Figure) -> impl IntoView {
    let Figure { label, value, detail, change, before, wish, path } = figure;
    let change = (!before.is_empty()).then(|| {
        let (glyph, text, class) = match change {
            Change::Same => (None, td_string!(locale, overview.change_none).to_owned(), "quiet"),
            Change::New => (Some(Glyph::Up), td_string!(locale, overview.change_new).to_owned(), "quiet"),
            Change::Up(percent) => {
                let text = td_string!(locale, overview.change_up, change = percent_change(percent));
                (Some(Glyph::Up), text, if wish == Wish::Less { "text-warning" } else { "quiet" })
            }
            Change::Down(percent) => {
                let text = td_string!(locale, overview.change_down, change = percent_change(percent));
                (Some(Glyph::Down), text, if wish == Wish::Less { "text-success" } else { "quiet" })
            }
        };
        view! {
            <span
                class=format!("mt-1 flex items-center gap-1 text-sm {class}")
                title=td_string!(locale, overview.change_was, before = before)
            >
                {glyph.map(|glyph| view! { <Icon glyph /> })}
                {text}
            </span>
        }
    });
    view! {
        <li>
            <a href=path class="panel block h-full px-4 py-3 hover:border-primary/60 sm:px-5 sm:py-4">
                <span class="quiet block text-sm">{label}</span>
                <span class="block text-xl font-semibold tracking-tight break-words tabular-nums sm:text-2xl">{value}</span>
                {change}
                {detail.map(|detail| view! { <span class="quiet mt-1 block text-xs">{detail}</span> })}
            </a>
        </li>
    }
    .into_any()
}

/// A change in whole percent; one that is smaller does not look like none.
fn percent_change(percent: u64) -> String {
    if percent == 0 { "<1%".to_owned() } else { format!("{}%", count_text(percent)) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn changes_are_told_in_percent_of_what_was_before() {
        let changes = [(0, 0), (0, 5), (5, 5), (100, 150), (150, 100), (1000, 1001)]
            .map(|(before, now)| Change::between(before, now));
        assert_eq!(changes, [Change::Same, Change::New, Change::Same, Change::Up(50), Change::Down(33), Change::Up(0)]);
        assert_eq!(Change::between(1, u64::MAX), Change::Up(u64::MAX));
    }

    #[test]
    fn errors_are_every_outcome_but_two() {
        let all: Vec<Outcome> = (1..=8).filter_map(Outcome::from_code).collect();
        assert_eq!(all.len(), FAILED.len() + 2);
        assert!(!FAILED.contains(&Outcome::Completed) && !FAILED.contains(&Outcome::ClientClosed));
    }

    #[test]
    fn each_figure_leads_to_its_rows() {
        let totals = UsageTotals { requests: 4, errors: 1, ..UsageTotals::default() };
        let figures = Figures {
            from: String::new(),
            to: String::new(),
            tz: "UTC".to_owned(),
            from_bound: "2026-11-01".to_owned(),
            to_bound: "2026-11-02T08:00:00+08:00".to_owned(),
            now: totals.clone(),
            before: totals,
            apps: Vec::new(),
            models: Vec::new(),
        };
        let paths: Vec<String> = all(Locale::en, &figures).into_iter().map(|figure| figure.path).collect();
        let starts = ["/requests?from=2026-11-01&to=2026-11-02T08:00:00%2B08:00", "/usage?from=2026-11-01&to="];
        assert_eq!(paths.first().map(String::as_str), Some(starts[0]));
        assert!(paths.iter().all(|path| starts.iter().any(|start| path.starts_with(start))), "{paths:?}");
        assert!(paths.iter().any(|path| path.contains("upstream_error") && !path.contains("completed")));
    }
}
