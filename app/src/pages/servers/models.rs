//! The models of a server.

use leptos::prelude::*;
use sluice::model::ServerModel;

use crate::preferences::use_locale;
use crate::text;
use crate::translations::td_string;

/// How many models, and the first of them by name.
#[component]
pub(super) fn ModelNames(
    /// The models.
    models: Vec<ServerModel>,
    /// How many are named before the others are only counted.
    shown: usize,
) -> impl IntoView {
    let locale = use_locale();
    let count = models.len();
    let hidden = count.saturating_sub(shown);
    let names = models
        .into_iter()
        .take(shown)
        .map(|model| view! { <li class="rounded-selector bg-base-200 px-1.5 py-0.5 font-mono text-xs break-all">{model.name}</li> })
        .collect_view();
    let more = (hidden > 0).then(
        || view! { <li class="quiet py-0.5 text-xs">{td_string!(locale, servers.more_models, count = hidden)}</li> },
    );
    view! {
        <div class="mt-2 flex flex-wrap items-center gap-x-3 gap-y-1">
            <span class="text-sm font-medium whitespace-nowrap">{text::model_count(locale, count)}</span>
            <ul class="flex flex-wrap gap-1">{names} {more}</ul>
        </div>
    }
    .into_any()
}
