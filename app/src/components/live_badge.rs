//! Whether a page keeps itself up to date.

use leptos::prelude::*;

use super::{Glyph, Icon};
use crate::live::LiveState;
use crate::preferences::use_locale;
use crate::translations::td_string;

/// Whether the page keeps itself up to date, in one word.
#[component]
pub(crate) fn LiveBadge(
    /// How the live feed is doing.
    state: ReadSignal<LiveState>,
) -> impl IntoView {
    let locale = use_locale();
    let label = move || match state.get() {
        LiveState::Connecting => td_string!(locale, requests.connecting),
        LiveState::Live => td_string!(locale, requests.live),
        LiveState::Reconnecting => td_string!(locale, requests.reconnecting),
        LiveState::Paused => td_string!(locale, requests.paused),
    };
    view! {
        <p role="status" class="panel flex items-center gap-2 px-3 py-1 text-sm font-medium">
            <span
                class="size-2 rounded-full"
                class=(["bg-success", "live-dot"], move || state.get() == LiveState::Live)
                class=("bg-warning", move || state.get() != LiveState::Live)
                aria-hidden="true"
            ></span>
            {label}
        </p>
    }
    .into_any()
}

/// Says that what is shown may be out of date.
#[component]
pub(crate) fn StaleNote(
    /// Whether it may be.
    stale: ReadSignal<bool>,
) -> impl IntoView {
    let locale = use_locale();
    view! {
        <div role="status">
            {move || {
                stale.get().then(|| view! { <Notice title=td_string!(locale, queue.stale) text=td_string!(locale, queue.stale_text) /> })
            }}
        </div>
    }
    .into_any()
}

/// Something that is worth a look, in a box of its own.
#[component]
pub(crate) fn Notice(
    /// What it is, in a word or two.
    #[prop(into, optional)]
    title: String,
    /// What it means.
    #[prop(into)]
    text: String,
) -> impl IntoView {
    let title = (!title.is_empty()).then(|| view! { <strong class="font-semibold">{title} " "</strong> });
    view! {
        <div class="mb-4 flex items-start gap-3 rounded-box border border-warning/50 bg-warning/8 px-4 py-3">
            <span class="mt-0.5 text-warning">
                <Icon glyph=Glyph::Warning />
            </span>
            <p class="min-w-0">{title} {text}</p>
        </div>
    }
    .into_any()
}
