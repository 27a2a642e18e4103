//! How full a limit is.

use leptos::prelude::*;
use sluice::model::{Fill, LimitState};

use crate::preferences::use_locale;
use crate::text;
use crate::translations::Locale;

/// What is limited.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Measure {
    /// Requests in a window.
    Requests,
    /// Tokens in a window.
    Tokens,
    /// Requests at the same time.
    Concurrency,
}

impl Measure {
    /// Every one, in the order in which they are shown.
    pub(crate) const ALL: [Self; 3] = [Self::Requests, Self::Tokens, Self::Concurrency];

    /// How full its limit is.
    pub(crate) const fn of(self, state: &LimitState) -> Fill {
        match self {
            Self::Requests => state.requests,
            Self::Tokens => state.tokens,
            Self::Concurrency => state.concurrency,
        }
    }
}

/// How much of a limit is left, in words that have a colour.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Level {
    /// There is no limit.
    Unlimited,
    /// Enough.
    Room,
    /// Four fifths are used.
    Tight,
    /// Nothing.
    Full,
    /// More is used than the limit allows, because an answer was larger than expected.
    Over,
}

/// How much of a limit is left.
pub(crate) fn level(fill: Fill) -> Level {
    let Some(limit) = fill.limit.map(u64::from) else { return Level::Unlimited };
    match fill.used {
        used if used > limit => Level::Over,
        used if used == limit => Level::Full,
        used if used.saturating_mul(5) >= limit.saturating_mul(4) => Level::Tight,
        _ => Level::Room,
    }
}

/// The limit that is fullest; none if there is none.
pub(crate) fn tightest(state: &LimitState) -> Option<(Measure, Fill)> {
    let share =
        |fill: Fill| u128::from(fill.used).saturating_mul(1_000_000) / u128::from(fill.limit.unwrap_or(1).max(1));
    let limited =
        Measure::ALL.map(|measure| (measure, measure.of(state))).into_iter().filter(|(_, fill)| fill.limit.is_some());
    // Of two that are as full, the first.
    limited.rev().max_by_key(|(_, fill)| share(*fill))
}

impl Level {
    const fn bar(self) -> &'static str {
        match self {
            Self::Unlimited | Self::Room => "progress progress-primary block w-full",
            Self::Tight => "progress progress-warning block w-full",
            Self::Full | Self::Over => "progress progress-error block w-full",
        }
    }

    const fn words(self) -> &'static str {
        match self {
            Self::Unlimited | Self::Room => "quiet text-sm",
            Self::Tight => "text-sm font-medium text-warning",
            Self::Full | Self::Over => "text-sm font-medium text-error",
        }
    }
}

/// A bar that is as full as a limit; nothing where there is no limit.
#[component]
pub(crate) fn FillBar(
    /// What it says to a screen reader: whose limit it is.
    #[prop(into)]
    label: String,
    /// How full the limit is.
    #[prop(into)]
    fill: Signal<Fill>,
) -> impl IntoView {
    let locale = use_locale();
    let limited = Memo::new(move |_| fill.get().limit.is_some());
    move || {
        let label = label.clone();
        limited.get().then(move || {
            view! {
                <progress
                    class=move || level(fill.get()).bar()
                    max=move || fill.get().limit.unwrap_or(1)
                    value=move || { let fill = fill.get(); fill.used.min(u64::from(fill.limit.unwrap_or(1))) }
                    aria-label=label
                    aria-valuetext=move || text::fill(locale, fill.get())
                ></progress>
            }
        })
    }
}

/// One limit of a server, live.
#[component]
pub(crate) fn Gauge(
    /// What is limited.
    measure: Measure,
    /// How full it is.
    #[prop(into)]
    fill: Signal<Fill>,
    /// How long a window is, in milliseconds.
    #[prop(into)]
    window_ms: Signal<u64>,
    /// How old the numbers are, in milliseconds.
    #[prop(into)]
    age_ms: Signal<u64>,
    /// What the upstream says about the same thing.
    #[prop(into)]
    upstream: Signal<Option<String>>,
) -> impl IntoView {
    let locale = use_locale();
    let title = move || text::measure_title(locale, measure, window_ms.get());
    let number = move || number_line(locale, fill.get());
    view! {
        <li class="panel min-w-0 p-4" data-gauge=measure_key(measure)>
            <h3 class="quiet text-sm">{title}</h3>
            <p class="mt-0.5 mb-2 text-2xl font-semibold tracking-tight break-words tabular-nums">{number}</p>
            <FillBar label=text::measure_name(locale, measure) fill />
            <p class=move || format!("mt-1.5 {}", level(fill.get()).words())>
                {move || text::fill_state(locale, fill.get(), age_ms.get())}
            </p>
            {move || upstream.get().map(|text| view! { <p class="quiet mt-1 text-sm">{text}</p> })}
        </li>
    }
    .into_any()
}

/// A name for style sheets and tests, the same in every language.
const fn measure_key(measure: Measure) -> &'static str {
    match measure {
        Measure::Requests => "requests",
        Measure::Tokens => "tokens",
        Measure::Concurrency => "concurrency",
    }
}

fn number_line(locale: Locale, fill: Fill) -> String {
    match fill.limit {
        Some(_) => text::fill(locale, fill),
        None => crate::format::count_text(fill.used),
    }
}

#[cfg(test)]
mod tests {
    use sluice::model::QueueState;

    use super::*;

    fn fill(used: u64, limit: u32) -> Fill {
        Fill { used, limit: Some(limit), frees_in_ms: Some(0) }
    }

    const UNLIMITED: Fill = Fill { used: 7, limit: None, frees_in_ms: Some(0) };

    #[test]
    fn tells_full_from_nearly_full_and_over() {
        assert_eq!(level(UNLIMITED), Level::Unlimited);
        let levels: Vec<Level> = [0, 7, 8, 10, 11].into_iter().map(|used| level(fill(used, 10))).collect();
        assert_eq!(levels, [Level::Room, Level::Room, Level::Tight, Level::Full, Level::Over]);
    }

    #[test]
    fn finds_the_limit_that_stops_first() {
        let state = |requests, tokens, concurrency| LimitState {
            requests,
            tokens,
            concurrency,
            window_ms: 60_000,
            queue: QueueState::default(),
        };
        assert_eq!(tightest(&state(UNLIMITED, UNLIMITED, UNLIMITED)), None);
        let some = state(fill(1, 10), fill(900, 1000), UNLIMITED);
        assert_eq!(tightest(&some), Some((Measure::Tokens, fill(900, 1000))));
        let level_with = state(fill(5, 10), fill(500, 1000), fill(2, 4));
        assert_eq!(tightest(&level_with), Some((Measure::Requests, fill(5, 10))));
        let over = state(fill(10, 10), fill(u64::MAX, 1), UNLIMITED);
        assert_eq!(tightest(&over).map(|(measure, _)| measure), Some(Measure::Tokens));
    }
}
