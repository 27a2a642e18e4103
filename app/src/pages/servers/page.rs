//! The page of a server: what it is, how full its limits are, and who waits for it, live.

use leptos::prelude::*;
use leptos::task::spawn_local;
use leptos_meta::Title;
use leptos_router::hooks::use_params;
use sluice::model::{LimitState, ServerId, ServerLimitState, ServerState, ServerView, UpstreamQuota};

use super::models::ModelNames;
use super::queue::Queue;
use crate::components::{
    Badge, FormProblems, Gauge, Glyph, Icon, LiveBadge, Measure, Notice, PageHeader, ProblemSummary, StaleNote,
    server_tone,
};
use crate::format::{count_text, countdown_text, span_text};
use crate::layout::loaded;
use crate::live::{LiveState, follow_limits, staleness};
use crate::preferences::use_locale;
use crate::query::{Destination, IdParams};
use crate::server_fns::limits::{CancelWaiter, ServerPage as Data, get_server_page};
use crate::text;
use crate::translations::{Locale, td_string};
use crate::watched::Watched;

/// Models that the page names before it only counts them.
const MODELS_SHOWN: usize = 40;

/// The page of a server.
#[component]
pub(crate) fn ServerPage() -> impl IntoView {
    let locale = use_locale();
    let params = use_params::<IdParams>();
    // An address without a number leads to no server; the service says so.
    let id = move || ServerId(params.get().ok().and_then(|params| params.id).unwrap_or_default());
    let data = Resource::new(id, get_server_page);
    view! {
        // Until there is a name, and if there is none.
        <Title text=td_string!(locale, servers.title) />
        {loaded(data, move |data| show(locale, data))}
    }
}

/// Asks the gateway, because an event may have been missed.
fn refresh(watched: Watched<ServerLimitState>, id: ServerId) {
    spawn_local(async move {
        // What went wrong is no news: the feed says that it is broken.
        if let Ok(page) = get_server_page(id).await {
            watched.hear(page.state);
        }
    });
}

fn show(locale: Locale, data: Data) -> impl IntoView {
    let Data { server, state, now_ms } = data;
    let id = server.id;
    let watched = Watched::new(state, now_ms);
    let (live, set_live) = signal(LiveState::Connecting);
    let stale = staleness(live);
    Effect::new(move || {
        follow_limits(
            id,
            set_live,
            move || refresh(watched, id),
            move |states| {
                if let Some(state) = states.into_iter().find(|state| state.server_id == id) {
                    watched.hear(state);
                }
            },
        );
    });
    let policy = server.queue;
    let name = server.name.clone();
    let cancel = ServerAction::<CancelWaiter>::new();
    let problems = FormProblems::follow(move || cancel.value().get());
    Effect::new(move || {
        if let Some(answer) = cancel.value().get() {
            refresh(watched, id);
            if answer.is_ok() {
                // The button went away with its row, and the focus with it.
                crate::browser::focus("queue");
            }
        }
    });
    view! {
        <PageHeader title=name.clone()>
            <LiveBadge state=live />
            <a href=Destination::EditServer(id).path() class="btn border-base-300 bg-base-100">
                {td_string!(locale, common.edit)}
                <span class="sr-only">" " {name}</span>
            </a>
        </PageHeader>
        <StaleNote stale />
        <ProblemSummary problems fields=Vec::new() />
        <Paused watched />
        <About server />
        <Gauges watched />
        <Queue server_id=id policy watched cancel />
    }
    .into_any()
}

/// Says that the upstream asked to be left alone.
#[component]
fn Paused(
    /// The server's state.
    watched: Watched<ServerLimitState>,
) -> impl IntoView {
    let locale = use_locale();
    let paused = watched.part(|state| state.paused_ms);
    let left_ms = move || paused.get().map(|paused| paused.saturating_sub(watched.age_ms())).filter(|left| *left > 0);
    view! {
        <div role="status">
            {move || left_ms().map(|left| view! { <Notice text=td_string!(locale, upstream.paused, time = countdown_text(left)) /> })}
        </div>
    }
    .into_any()
}

/// What the server is.
#[component]
fn About(
    /// The server.
    server: ServerView,
) -> impl IntoView {
    let locale = use_locale();
    let unreadable = (server.state == ServerState::KeyUnreadable)
        .then(|| view! { <p class="mt-2 text-sm font-medium text-error">{td_string!(locale, servers.key_unreadable_text)}</p> });
    view! {
        <section class="panel p-4 sm:px-5" aria-label=td_string!(locale, servers.section_connection)>
            <div class="flex flex-wrap items-center gap-x-3 gap-y-1">
                <Badge tone=server_tone(server.state) text=text::server_state(locale, server.state) />
                <span class="quiet text-sm">{text::provider(locale, server.provider)}</span>
                <span class="font-mono text-[0.8125rem] break-all">{server.base_url}</span>
            </div>
            <ModelNames models=server.models shown=MODELS_SHOWN />
            {unreadable}
        </section>
    }
    .into_any()
}

/// The limits, and what the upstream says about its own.
#[component]
fn Gauges(
    /// The server's state.
    watched: Watched<ServerLimitState>,
) -> impl IntoView {
    let locale = use_locale();
    let quota = watched.part(|state| state.upstream);
    let window_ms = watched.part(|state| state.state.window_ms);
    let age_ms = Signal::derive(move || watched.age_ms());
    let gauges = Measure::ALL
        .map(|measure| {
            let fill = watched.part(move |state| measure.of(&state.state));
            let upstream = Signal::derive(move || quota.get().and_then(|quota| granted(locale, measure, quota)));
            view! { <Gauge measure fill window_ms age_ms upstream /> }
        })
        .collect_view();
    let limits = watched.part(|state| limits_above(&state.state, state.upstream));
    let above = move || {
        let (requests, tokens) = limits.get();
        let requests = requests.map(|limit| td_string!(locale, upstream.above_requests, limit = count_text(limit)));
        let tokens = tokens.map(|limit| td_string!(locale, upstream.above_tokens, limit = count_text(limit)));
        [requests, tokens].into_iter().flatten().map(|text| view! { <Notice text /> }).collect_view()
    };
    let said = move || match quota.get() {
        Some(quota) => td_string!(locale, upstream.seen, time = span_text(watched.clock.since(quota.seen_at_ms))),
        None => td_string!(locale, upstream.silent).to_owned(),
    };
    view! {
        <section class="mt-8" aria-labelledby="limits">
            <h2 id="limits" class="mb-3 text-lg font-semibold">
                {td_string!(locale, limits.section)}
            </h2>
            {above}
            <ul class="grid gap-3 sm:grid-cols-3 lg:gap-4">{gauges}</ul>
            <p class="quiet mt-2 flex items-center gap-2 text-sm">
                <Icon glyph=Glyph::Servers />
                {said}
            </p>
        </section>
    }
    .into_any()
}

/// What an upstream grants of one thing, in words; none if it did not say.
fn granted(locale: Locale, measure: Measure, quota: UpstreamQuota) -> Option<String> {
    let (limit, remaining) = match measure {
        Measure::Requests => (quota.limit_requests, quota.remaining_requests),
        Measure::Tokens => (quota.limit_tokens, quota.remaining_tokens),
        Measure::Concurrency => (None, None),
    };
    match (limit.map(count_text), remaining.map(count_text)) {
        (Some(limit), Some(remaining)) => {
            Some(td_string!(locale, upstream.grants_left, limit = limit, remaining = remaining))
        }
        (Some(limit), None) => Some(td_string!(locale, upstream.grants, limit = limit)),
        (None, Some(remaining)) => Some(td_string!(locale, upstream.left, remaining = remaining)),
        (None, None) => None,
    }
}

/// What the upstream grants where the configured limit is above it: requests and tokens.
fn limits_above(state: &LimitState, quota: Option<UpstreamQuota>) -> (Option<u64>, Option<u64>) {
    let above = |limit: Option<u32>, granted: Option<u64>| {
        granted.filter(|granted| limit.is_some_and(|limit| u64::from(limit) > *granted))
    };
    let Some(quota) = quota else { return (None, None) };
    (above(state.requests.limit, quota.limit_requests), above(state.tokens.limit, quota.limit_tokens))
}

#[cfg(test)]
mod tests {
    use sluice::model::{Fill, QueueState};

    use super::*;

    fn quota() -> UpstreamQuota {
        UpstreamQuota { limit_requests: Some(500), remaining_requests: Some(480), ..UpstreamQuota::default() }
    }

    #[test]
    fn says_what_the_upstream_said_and_nothing_else() {
        let texts = Measure::ALL.map(|measure| granted(Locale::en, measure, quota()));
        assert_eq!(texts, [Some("The upstream grants 500, 480 left".to_owned()), None, None]);
        let only_left = UpstreamQuota { remaining_tokens: Some(1_000), ..UpstreamQuota::default() };
        assert_eq!(granted(Locale::en, Measure::Tokens, only_left).as_deref(), Some("At the upstream 1,000 left"));
    }

    #[test]
    fn hints_only_at_limits_above_what_is_granted() {
        let state = |limit| {
            let fill = |limit| Fill { used: 0, limit, frees_in_ms: Some(0) };
            LimitState {
                requests: fill(limit),
                tokens: fill(Some(9)),
                concurrency: fill(None),
                window_ms: 60_000,
                queue: QueueState::default(),
            }
        };
        assert_eq!(limits_above(&state(Some(501)), Some(quota())), (Some(500), None));
        assert_eq!(limits_above(&state(Some(500)), Some(quota())), (None, None));
        assert_eq!(limits_above(&state(None), Some(quota())), (None, None));
        assert_eq!(limits_above(&state(Some(501)), None), (None, None));
    }
}
