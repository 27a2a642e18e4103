//! The part of the first page that tells how full the limits of all servers are and how many requests wait.

use leptos::prelude::*;
use leptos::task::spawn_local;
use sluice::model::{LimitState, QueueState, ServerId, ServerLimitState};

use crate::components::{Badge, FillBar, Glyph, Icon, Level, LiveBadge, Measure, StaleNote, Tone, level, tightest};
use crate::format::{count_text, countdown_text};
use crate::live::{LiveState, follow_limits, staleness};
use crate::preferences::use_locale;
use crate::query::Destination;
use crate::server_fns::limits::list_limits;
use crate::text;
use crate::translations::{Locale, td_string};
use crate::watched::Watched;

/// The limits and queues of all servers, live.
#[component]
pub(super) fn Queues(
    /// The servers by name, in the order in which they are shown.
    servers: Vec<(ServerId, String)>,
    /// Their limits and queues.
    limits: Vec<ServerLimitState>,
    /// When that was, in milliseconds since 1970 UTC.
    now_ms: i64,
) -> impl IntoView {
    let locale = use_locale();
    let watched = Watched::new(limits, now_ms);
    let (live, set_live) = signal(LiveState::Connecting);
    let stale = staleness(live);
    Effect::new(move || {
        let refresh = move || {
            spawn_local(async move {
                // What went wrong is no news: the feed says that it is broken.
                if let Ok(states) = list_limits().await {
                    watched.hear(states);
                }
            });
        };
        follow_limits(None, set_live, refresh, move |states| watched.hear(states));
    });
    let waiting = watched.part(|states| total_waiting(states));
    let shown = watched.part(move |states| worth_showing(&servers, states));
    let is_empty = Memo::new(move |_| shown.with(Vec::is_empty));
    let content = move || {
        if is_empty.get() {
            return view! { <NothingLimited /> }.into_any();
        }
        view! {
            <ul class="grid gap-2" aria-label=td_string!(locale, overview.queue_list)>
                <For
                    each=move || shown.get()
                    key=|(id, _)| *id
                    children=move |(id, name)| view! { <ServerLine id name watched /> }
                />
            </ul>
        }
        .into_any()
    };
    view! {
        <section class="mt-8" aria-labelledby="queue">
            <div class="mb-3 flex flex-wrap items-center justify-between gap-x-4 gap-y-2">
                <h2 id="queue" class="text-lg font-semibold">
                    {td_string!(locale, overview.queue)}
                </h2>
                <LiveBadge state=live />
            </div>
            <StaleNote stale />
            <p class="mb-3 flex items-center gap-2 font-medium tabular-nums" data-waiting>
                <span class="quiet">
                    <Icon glyph=Glyph::Queue />
                </span>
                {move || text::waiting_count(locale, waiting.get())}
            </p>
            {content}
        </section>
    }
    .into_any()
}

/// Says what limits are good for.
#[component]
fn NothingLimited() -> impl IntoView {
    let locale = use_locale();
    view! {
        <p class="panel flex flex-wrap items-baseline justify-between gap-x-4 gap-y-1 px-5 py-4">
            <span class="quiet">{td_string!(locale, overview.queue_empty)}</span>
            <a href="/servers" class="link link-primary">
                {td_string!(locale, overview.queue_empty_link)}
            </a>
        </p>
    }
    .into_any()
}

/// One server in one line: the limit that is fullest, and how many wait.
#[component]
fn ServerLine(
    /// The server.
    id: ServerId,
    /// Its name.
    name: String,
    /// The state of all servers.
    watched: Watched<Vec<ServerLimitState>>,
) -> impl IntoView {
    let locale = use_locale();
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
        <li class="panel grid items-center gap-x-5 gap-y-2 px-4 py-3 sm:grid-cols-[minmax(0,1fr)_minmax(0,1fr)_9.5rem]" data-server=id.to_string()>
            <a href=Destination::Server(id).path() class="font-semibold break-all hover:underline">
                {name}
            </a>
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

/// The servers that have limits, or somebody who waits for them, or that are paused.
fn worth_showing(servers: &[(ServerId, String)], states: &[ServerLimitState]) -> Vec<(ServerId, String)> {
    let is_limited = |state: &LimitState| Measure::ALL.iter().any(|measure| measure.of(state).limit.is_some());
    let is_worth = |state: &ServerLimitState| {
        is_limited(&state.state) || state.state.queue.waiting > 0 || state.paused_ms.is_some()
    };
    servers
        .iter()
        .filter(|(id, _)| states.iter().any(|state| state.server_id == *id && is_worth(state)))
        .cloned()
        .collect()
}

#[cfg(test)]
mod tests {
    use sluice::model::Fill;

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
    fn shows_the_servers_that_hold_requests_back_in_their_order() {
        let servers: Vec<(ServerId, String)> = (1..=5).map(|id| (ServerId(id), format!("s{id}"))).collect();
        let states =
            [state(4, None, 0, Some(1)), state(1, None, 0, None), state(2, Some(9), 0, None), state(3, None, 1, None)];
        let shown: Vec<String> = worth_showing(&servers, &states).into_iter().map(|(_, name)| name).collect();
        assert_eq!(shown, ["s2", "s3", "s4"]);
        assert_eq!(total_waiting(&states), 1);
    }

    #[test]
    fn a_full_queue_looks_worse_than_one_with_room() {
        let tone = |waiting_now| waiting(Locale::en, Some(&state(1, None, waiting_now, None).state.queue)).0;
        assert_eq!([tone(0), tone(1), tone(2)], [Tone::Neutral, Tone::Warning, Tone::Bad]);
    }
}
