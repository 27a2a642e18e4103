//! The apps and models with most requests.

use leptos::prelude::*;

use crate::components::CostText;
use crate::format::{count_text, percent_text};
use crate::preferences::use_locale;
use crate::server_fns::overview::{Figures, Ranked};
use crate::translations::{Locale, td_string};
use crate::usage::address;

/// The apps and models with most requests.
#[component]
pub(super) fn Tops(
    /// The numbers.
    figures: Figures,
) -> impl IntoView {
    let locale = use_locale();
    let Figures { from_bound, to_bound, now, apps, models, .. } = figures;
    let list = |by: &'static str, title: &'static str, ranked: Vec<Ranked>| {
        let usage = address("/usage", &[("from", Some(&from_bound)), ("to", Some(&to_bound)), ("by", Some(by))]);
        let rows = ranked
            .into_iter()
            .map(|row| {
                let requests = address(
                    "/requests",
                    &[("from", Some(&from_bound)), ("to", Some(&to_bound)), (by, Some(&row.value))],
                );
                line(locale, row, now.requests, requests)
            })
            .collect_view();
        let id = format!("top-{by}");
        let named_by = id.clone();
        view! {
            <section class="min-w-0" aria-labelledby=named_by>
                <div class="mb-3 flex items-baseline justify-between gap-4">
                    <h2 id=id class="text-lg font-semibold">
                        {title}
                    </h2>
                    <a href=usage class="link link-primary">
                        {td_string!(locale, overview.all_usage)}
                    </a>
                </div>
                <ol class="panel divide-y divide-base-300">{rows}</ol>
            </section>
        }
    };
    view! {
        <div class="mt-8 grid gap-8 lg:grid-cols-2 lg:gap-6">
            {list("app", td_string!(locale, overview.top_apps), apps)}
            {list("model", td_string!(locale, overview.top_models), models)}
        </div>
    }
    .into_any()
}

fn line(locale: Locale, row: Ranked, all: u64, requests_path: String) -> impl IntoView {
    let Ranked { name, totals, .. } = row;
    let share = td_string!(locale, overview.top_share, share = percent_text(totals.requests, all));
    view! {
        <li class="px-4 py-3">
            <div class="flex items-baseline justify-between gap-3">
                <span class="min-w-0 truncate font-medium">{name}</span>
                <a href=requests_path class="link shrink-0 link-primary tabular-nums">
                    {count_text(totals.requests)}
                </a>
            </div>
            <progress
                class="progress my-1.5 block h-1.5 w-full progress-primary"
                value=totals.requests.to_string()
                max=all.max(1).to_string()
                aria-label=share
            ></progress>
            <div class="quiet flex items-baseline justify-between gap-3 text-sm tabular-nums">
                <span>{td_string!(locale, overview.top_tokens, count = count_text(totals.total_tokens))}</span>
                <CostText costs=totals.costs unpriced=totals.unpriced />
            </div>
        </li>
    }
    .into_any()
}
