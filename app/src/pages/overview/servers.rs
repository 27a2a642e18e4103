//! The part of the first page that tells of all servers: their state, how full their limits are, how many requests wait, and what
//! went through; and how many requests end at the moment.

use leptos::prelude::*;
use leptos::task::spawn_local;
use sluice::model::{LimitState, QueueState, RequestRate, ServerLimitState, ServerState};

use super::figures::failed_outcomes;
use crate::components::{
    Badge, FillBar, Glyph, Icon, Level, LiveBadge, Measure, StaleNote, Tone, level, server_tone, tightest,
};
use crate::format::{count_text, countdown_text};
use crate::live::{LiveState, follow_gateway, staleness};
use crate::preferences::use_locale;
use crate::query::Destination;
use crate::server_fns::limits::list_limits;
use crate::server_fns::overview::ServerGlance;
use crate::text;
use crate::translations::{Locale, td_string};
use crate::usage::address;
use crate::watched::Watched;

/// The servers at a glance, live.
#[component]
pub(super) fn Servers(
    /// The servers, in the order in which they are shown.
    servers: Vec<ServerGlance>,
    /// Their limits and queues.
    limits: Vec<ServerLimitState>,
    /// When that was, in milliseconds since 1970 UTC.
    now_ms: i64,
    /// Where the range of the sums begins and ends, as an address says it; none as long as nothing ever went through.
    range: Option<(String, String)>,
) -> impl IntoView {
    let locale = use_locale();
    let watched = Watched::new(limits, now_ms);
    let (live, set_live) = signal(LiveState::Connecting);
    let stale = staleness(live);
    let rate = RwSignal::new(None::<RequestRate>);
    Effect::new(move || {
        let refresh = move || {
            spawn_local(async move {
                // What went wrong is no news: the feed says that it is broken.
                if let Ok(states) = list_limits().await {
                    watched.hear(states);
                }
            });
        };
        follow_gateway(set_live, refresh, move |states| watched.hear(states), move |news| _ = rate.try_set(Some(news)));
    });
    let waiting = watched.part(|states| total_waiting(states));
    let is_unlimited = watched.part(|states| !states.iter().any(|state| is_limited(&state.state)));
    let lines =
        servers.into_iter().map(|server| view! { <ServerLine server range=range.clone() watched /> }).collect_view();
    view! {
        <section class="mt-8" aria-labelledby="queue">
            <div class="mb-3 flex flex-wrap items-center justify-between gap-x-4 gap-y-2">
                <h2 id="queue" class="text-lg font-semibold">
                    {td_string!(locale, overview.glance)}
                </h2>
                <LiveBadge state=live />
            </div>
            <StaleNote stale />
            <div class="mb-3 flex flex-wrap gap-x-6 gap-y-1 font-medium tabular-nums">
                <p class="flex items-center gap-2" data-rate>
                    <span class="quiet">
                        <Icon glyph=Glyph::Overview />
                    </span>
                    {move || td_string!(locale, overview.rate_now, rate = rate.get().map_or_else(|| "–".to_owned(), rate_text))}
                </p>
                <p class="flex items-center gap-2" data-waiting>
                    <span class="quiet">
                        <Icon glyph=Glyph::Queue />
                    </span>
                    {move || text::waiting_count(locale, waiting.get())}
                </p>
            </div>
            <ul class="grid gap-2" aria-label=td_string!(locale, overview.queue_list)>
                {lines}
            </ul>
            {move || is_unlimited.get().then(|| view! { <NothingLimited /> })}
        </section>
    }
    .into_any()
}

/// Says what limits are good for.
#[component]
fn NothingLimited() -> impl IntoView {
    let locale = use_locale();
    view! {
        <p class="mt-3 flex flex-wrap items-baseline justify-between gap-x-4 gap-y-1 text-sm">
            <span class="quiet">{td_string!(locale, overview.queue_empty)}</span>
            <a href="/servers" class="link link-primary">
                {td_string!(locale, overview.queue_empty_link)}
            </a>
        </p>
    }
    .into_any()
}

/// One server in one line: its state, what went through, the limit that is fullest, and how many wait.
#[component]
fn ServerLine(
    /// The server.
    server: ServerGlance,
    /// The range of the sums.
    range: Option<(String, String)>,
    /// The state of all servers.
    watched: Watched<Vec<ServerLimitState>>,
) -> impl IntoView {
    let locale = use_locale();
    let sums = range.map(|(from, to)| sums(locale, &server, &from, &to));
    let ServerGlance { id, name, state: server_state, .. } = server;
    let off = (server_state != ServerState::Enabled)
        .then(|| view! { <Badge tone=server_tone(server_state) text=text::server_state(locale, server_state) /> });
    let state = watched.part(move |states| states.iter().find(|state| state.server_id == id).cloned());
    let tightest = Memo::new(move |_| state.with(|state| state.as_ref().and_then(|state| tightest(&state.state))));
    let measure = Memo::new(move |_| tightest.with(|tightest| tightest.map(|(measure, _)| measure)));
    let label = name.clone();
    let bar = move || {
        let measure = measure.get()?;
        let fill = Signal::derive(move || tightest.get().map_or_else(unlimited, |(_, fill)| fill));
        let what = text::measure_name(locale, measure);
        Some(view! {
            <p class=move || words(level(fill.get()))>{move || format!("{what} {}", text::fill(locale, fill.get()))}</p>
            <FillBar label=format!("{label}: {what}") fill />
        })
    };
    let pause = move || {
        let paused_ms = state.with(|state| state.as_ref()?.paused_ms).map(|ms| ms.saturating_sub(watched.age_ms()));
        let left_ms = paused_ms.filter(|ms| *ms > 0)?;
        let text = td_string!(locale, overview.server_paused, time = countdown_text(left_ms));
        Some(view! { <Badge tone=Tone::Warning text /> })
    };
    let badge = move || {
        let (tone, text) = state.with(|state| waiting(locale, state.as_ref().map(|state| &state.state.queue)));
        view! { <Badge tone text /> }
    };
    view! {
        <li
            class="panel grid items-center gap-x-5 gap-y-2 px-4 py-3 sm:grid-cols-[minmax(0,1fr)_minmax(0,1fr)_9.5rem]"
            data-server=id.to_string()
        >
            <div class="min-w-0">
                <p class="flex flex-wrap items-center gap-2">
                    <a href=Destination::Server(id).path() class="font-semibold break-all hover:underline">
                        {name}
                    </a>
                    {off}
                </p>
                {sums}
            </div>
            <div class="min-w-0">{bar}</div>
            <p class="flex flex-wrap gap-1 sm:justify-end">{pause} {badge}</p>
        </li>
    }
    .into_any()
}

const fn unlimited() -> sluice::model::Fill {
    sluice::model::Fill { used: 0, limit: None, frees_in_ms: None }
}

const fn words(level: Level) -> &'static str {
    match level {
        Level::Unlimited | Level::Room => "mb-1 text-sm tabular-nums",
        Level::Tight => "mb-1 text-sm font-medium text-warning tabular-nums",
        Level::Full | Level::Over => "mb-1 text-sm font-medium text-error tabular-nums",
    }
}

/// How many wait, and how good that is.
fn waiting(locale: Locale, queue: Option<&QueueState>) -> (Tone, String) {
    match queue {
        Some(queue) if queue.waiting > 0 => {
            let tone = if queue.waiting >= queue.capacity { Tone::Bad } else { Tone::Warning };
            let (count, capacity) = (count_text(u64::from(queue.waiting)), count_text(u64::from(queue.capacity)));
            (tone, td_string!(locale, overview.server_waiting, count = count, capacity = capacity))
        }
        Some(_) | None => (Tone::Neutral, td_string!(locale, overview.server_waiting_none).to_owned()),
    }
}

fn total_waiting(states: &[ServerLimitState]) -> u64 {
    states.iter().map(|state| u64::from(state.state.queue.waiting)).sum()
}

fn is_limited(state: &LimitState) -> bool {
    Measure::ALL.iter().any(|measure| measure.of(state).limit.is_some())
}

/// Requests and errors in the range, which lead to their rows.
fn sums(locale: Locale, server: &ServerGlance, from: &str, to: &str) -> AnyView {
    let id = server.id.to_string();
    let path = |outcome: Option<&str>| {
        let query = [("from", Some(from)), ("to", Some(to)), ("server", Some(id.as_str())), ("outcome", outcome)];
        address("/requests", &query)
    };
    let requests = match server.requests {
        0 => {
            return view! { <p class="quiet text-sm">{td_string!(locale, overview.glance_requests_none)}</p> }
                .into_any();
        }
        1 => td_string!(locale, overview.glance_requests_one).to_owned(),
        count => td_string!(locale, overview.glance_requests_many, count = count_text(count)),
    };
    let errors = match server.errors {
        0 => None,
        1 => Some(td_string!(locale, overview.glance_errors_one).to_owned()),
        count => Some(td_string!(locale, overview.glance_errors_many, count = count_text(count))),
    };
    let failed = failed_outcomes();
    let errors = errors.map(|errors| {
        view! {
            ", "
            <a href=path(Some(&failed)) class="text-error hover:underline">
                {errors}
            </a>
        }
    });
    view! {
        <p class="quiet text-sm tabular-nums">
            <a href=path(None) class="hover:underline">
                {requests}
            </a>
            {errors}
        </p>
    }
    .into_any()
}

/// Requests per second, with one digit behind the point.
fn rate_text(rate: RequestRate) -> String {
    let tenths = rate.requests.saturating_mul(10).checked_div(u64::from(rate.seconds)).unwrap_or(0);
    format!("{}.{}", count_text(tenths / 10), tenths % 10)
}

#[cfg(test)]
mod tests {
    use sluice::model::{Fill, ServerId};

    use super::*;

    fn state(id: i64, limit: Option<u32>, waiting: u32, paused_ms: Option<u64>) -> ServerLimitState {
        let unlimited = Fill { used: 0, limit: None, frees_in_ms: Some(0) };
        ServerLimitState {
            server_id: ServerId(id),
            state: LimitState {
                requests: unlimited,
                tokens: Fill { limit, ..unlimited },
                concurrency: unlimited,
                window_ms: 60_000,
                queue: QueueState { waiting, capacity: 2, ..QueueState::default() },
            },
            paused_ms,
            upstream: None,
        }
    }

    #[test]
    fn counts_who_waits_and_finds_limits() {
        let states = [state(1, None, 3, None), state(2, Some(9), 1, Some(1))];
        assert_eq!(total_waiting(&states), 4);
        assert_eq!(states.map(|state| is_limited(&state.state)), [false, true]);
    }

    #[test]
    fn the_rate_has_one_digit_behind_the_point() {
        let rates = [(0, 10), (7, 10), (12, 10), (123_456, 10), (1, 0)];
        let texts = rates.map(|(requests, seconds)| rate_text(RequestRate { requests, seconds }));
        assert_eq!(texts, ["0.0", "0.7", "1.2", "12,345.6", "0.0"]);
    }

    #[test]
    fn a_full_queue_looks_worse_than_one_with_room() {
        let tone = |waiting_now| waiting(Locale::en, Some(&state(1, None, waiting_now, None).state.queue)).0;
        assert_eq!([tone(0), tone(1), tone(2)], [Tone::Neutral, Tone::Warning, Tone::Bad]);
    }
}
