//! The queue of a server: how full it is, who waits, and taking one of them out.

use leptos::prelude::*;
use sluice::model::{Fill, Overflow, QueuePolicy, QueueState, ServerId, ServerLimitState, WaiterView};

use crate::components::{Confirm, Empty, FillBar, Glyph, Notice, UtcTime};
use crate::format::{count_text, seconds_text, span_text};
use crate::preferences::use_locale;
use crate::server_fns::limits::CancelWaiter;
use crate::text;
use crate::translations::{Locale, td_string};
use crate::watched::Watched;

/// What the section shows.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Face {
    /// The queue is switched off.
    Off,
    /// Nobody waits.
    Empty,
    /// Somebody waits.
    Waiting,
}

fn face(queue: &QueueState) -> Face {
    match (queue.waiting, queue.capacity) {
        (0, 0) => Face::Off,
        (0, _) => Face::Empty,
        _ => Face::Waiting,
    }
}

/// Whether one more request would be too many.
const fn is_full(queue: &QueueState) -> bool {
    queue.waiting > 0 && queue.waiting >= queue.capacity
}

/// The queue of a server.
#[component]
pub(super) fn Queue(
    /// The server.
    server_id: ServerId,
    /// How requests wait.
    policy: QueuePolicy,
    /// Its state.
    watched: Watched<ServerLimitState>,
    /// What takes a request out.
    cancel: ServerAction<CancelWaiter>,
) -> impl IntoView {
    let locale = use_locale();
    let rules = [
        td_string!(locale, queue.deadline_is, time = format!("{} s", seconds_text(policy.deadline_ms))),
        text::queue_order(locale, policy.order).to_owned(),
    ];
    let shown = watched.part(|state| face(&state.state.queue));
    let overloaded = watched.part(|state| is_full(&state.state.queue));
    let overloaded = move || overloaded.get().then(|| view! { <Overloaded overflow=policy.overflow /> });
    let content = move || {
        match shown.get() {
        Face::Off => {
            view! { <Empty glyph=Glyph::Queue title=td_string!(locale, queue.off_title) text=td_string!(locale, queue.off_text) /> }
                .into_any()
        }
        Face::Empty => view! {
            <Empty glyph=Glyph::Queue title=td_string!(locale, queue.empty_title) text=td_string!(locale, queue.empty_text) />
        }
        .into_any(),
        Face::Waiting => view! { <Waiters server_id watched cancel /> }.into_any(),
    }
    };
    view! {
        <section class="mt-8" aria-labelledby="queue">
            <div class="mb-3 flex flex-wrap items-baseline justify-between gap-x-4">
                <h2 id="queue" tabindex="-1" class="text-lg font-semibold outline-none">
                    {td_string!(locale, queue.title)}
                </h2>
                <p class="quiet text-sm">{rules.join(" · ")}</p>
            </div>
            <div role="status">{overloaded}</div>
            {content}
        </section>
    }
    .into_any()
}

/// Says what happens to requests that find the queue full.
#[component]
fn Overloaded(
    /// What happens.
    overflow: Overflow,
) -> impl IntoView {
    let locale = use_locale();
    let text = match overflow {
        Overflow::EvictOldest => td_string!(locale, queue.full_evict_oldest),
        Overflow::RejectNewest => td_string!(locale, queue.full_reject_newest),
    };
    view! { <Notice title=td_string!(locale, queue.full) text /> }
}

/// Who waits, and how much room is left in the queue.
#[component]
fn Waiters(
    /// The server.
    server_id: ServerId,
    /// Its state.
    watched: Watched<ServerLimitState>,
    /// What takes a request out.
    cancel: ServerAction<CancelWaiter>,
) -> impl IntoView {
    let locale = use_locale();
    let places = watched.part(|state| places(&state.state.queue));
    let oldest_ms = watched.part(|state| state.state.queue.oldest_ms);
    let waiters = watched.part(|state| state.state.queue.waiters.clone());
    let hidden = watched.part(|state| not_listed(&state.state.queue));
    let summary = move || {
        let Fill { used, limit, .. } = places.get();
        let capacity = count_text(u64::from(limit.unwrap_or_default()));
        td_string!(locale, queue.waiting_of, count = count_text(used), capacity = capacity)
    };
    let longest = move || {
        let waited = oldest_ms.get()?.saturating_add(watched.age_ms());
        Some(td_string!(locale, queue.longest, time = span_text(waited)))
    };
    let more = move || {
        let hidden = Some(hidden.get()).filter(|hidden| *hidden > 0)?;
        let text = td_string!(locale, queue.more, count = count_text(hidden));
        Some(view! { <p class="quiet px-4 py-3 text-sm">{text}</p> })
    };
    view! {
        <div class="panel mb-3 p-4">
            <div class="mb-2 flex flex-wrap items-baseline justify-between gap-x-4 tabular-nums">
                <p class="font-medium">{summary}</p>
                <p class="quiet text-sm">{longest}</p>
            </div>
            <FillBar label=td_string!(locale, queue.places) fill=places />
        </div>
        <div class="panel overflow-x-auto" tabindex="0" role="region" aria-label=td_string!(locale, queue.list)>
            <table class="table table-sm">
                <caption class="sr-only">{td_string!(locale, queue.list)}</caption>
                <thead class="quiet">
                    <tr>
                        <th scope="col">{td_string!(locale, queue.app)}</th>
                        <th scope="col" class="hidden sm:table-cell">{td_string!(locale, queue.model)}</th>
                        <th scope="col">{td_string!(locale, queue.since)}</th>
                        <th scope="col" class="text-right">{td_string!(locale, queue.tokens)}</th>
                        <th scope="col">{td_string!(locale, queue.priority)}</th>
                        <th scope="col" class="sticky right-0 bg-base-100">
                            <span class="sr-only">{td_string!(locale, common.actions)}</span>
                        </th>
                    </tr>
                </thead>
                <tbody>
                    // By id, so that a row keeps its open dialog and its focus while the others come and go.
                    <For
                        each=move || waiters.get()
                        key=|waiter| waiter.id.clone()
                        children=move |waiter| row(locale, server_id, waiter, watched, cancel)
                    />
                </tbody>
            </table>
            {more}
        </div>
    }
    .into_any()
}

/// The places of a queue as something that fills up.
fn places(queue: &QueueState) -> Fill {
    Fill { used: u64::from(queue.waiting), limit: Some(queue.capacity), frees_in_ms: None }
}

/// How many wait besides those that are listed.
fn not_listed(queue: &QueueState) -> u64 {
    let listed = u64::try_from(queue.waiters.len()).unwrap_or(u64::MAX);
    u64::from(queue.waiting).saturating_sub(listed)
}

fn row(
    locale: Locale,
    server_id: ServerId,
    waiter: WaiterView,
    watched: Watched<ServerLimitState>,
    cancel: ServerAction<CancelWaiter>,
) -> impl IntoView {
    let app = waiter.app_name;
    let model = waiter.model;
    let since_ms = waiter.since_ms;
    let id = waiter.id;
    let dialog = format!("cancel-{id}");
    let row_id = id.clone();
    let so_far = move || span_text(watched.clock.since(since_ms));
    view! {
        <tr data-waiter=row_id>
            <th scope="row" class="min-w-28 font-mono text-[0.8125rem] font-medium [overflow-wrap:anywhere]">
                {app.clone()} <span class="quiet block font-normal sm:hidden">{model.clone()}</span>
            </th>
            <td class="hidden min-w-28 font-mono text-[0.8125rem] [overflow-wrap:anywhere] sm:table-cell">{model}</td>
            <td class="whitespace-nowrap tabular-nums">
                {so_far} <span class="quiet hidden text-xs sm:block"><UtcTime milliseconds=since_ms /></span>
            </td>
            <td class="text-right tabular-nums">{count_text(waiter.tokens)}</td>
            <td class="whitespace-nowrap">{text::priority(locale, waiter.priority)}</td>
            // Always in reach, however far the table is scrolled on a phone.
            <td class="sticky right-0 bg-base-100 text-right">
                <Confirm
                    id=dialog
                    label=td_string!(locale, queue.cancel_one, app = app.clone())
                    caption=td_string!(locale, queue.cancel)
                    title=td_string!(locale, queue.cancel_title, app = app)
                    text=td_string!(locale, queue.cancel_text)
                    keep=td_string!(locale, queue.cancel_keep)
                >
                    <ActionForm action=cancel>
                        <input type="hidden" name="server_id" value=server_id.to_string() />
                        <input type="hidden" name="request_id" value=id />
                        <button type="submit" class="btn btn-error">
                            {td_string!(locale, queue.cancel_submit)}
                        </button>
                    </ActionForm>
                </Confirm>
            </td>
        </tr>
    }
    .into_any()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn queue(waiting: u32, capacity: u32) -> QueueState {
        QueueState { waiting, capacity, ..QueueState::default() }
    }

    #[test]
    fn tells_an_empty_queue_from_one_that_is_off() {
        assert_eq!(face(&queue(0, 0)), Face::Off);
        assert_eq!(face(&queue(0, 100)), Face::Empty);
        assert_eq!(face(&queue(1, 100)), Face::Waiting);
        // Switched off while somebody waits.
        assert_eq!(face(&queue(1, 0)), Face::Waiting);
    }

    #[test]
    fn is_full_when_one_more_would_be_too_many() {
        let full: Vec<bool> = [(0, 0), (99, 100), (100, 100), (3, 2)].map(|(w, c)| is_full(&queue(w, c))).to_vec();
        assert_eq!(full, [false, false, true, true]);
    }

    #[test]
    fn counts_those_that_are_not_listed() {
        assert_eq!(not_listed(&queue(130, 200)), 130);
        assert_eq!(not_listed(&queue(0, 200)), 0);
    }
}
