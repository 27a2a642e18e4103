//! A chart with what its colours mean.

use leptos::prelude::*;

use crate::browser;
use crate::preferences::use_locale;
use crate::server_fns::usage::{ChartKind, ChartView};
use crate::translations::{Locale, td_string};

/// A chart. It is drawn by `frontend/charts.js`, which is loaded by the first chart; a table with the same numbers belongs beside
/// it, for those who do not see it.
#[component]
pub(crate) fn Chart(
    /// What is drawn.
    view: ChartView,
) -> impl IntoView {
    let locale = use_locale();
    Effect::new(browser::load_charts);
    let ChartView { kind, drawing, legend, left_out } = view;
    let title = title(locale, kind);
    let described = td_string!(locale, usage_page.chart_described, title = title.clone());
    let left_out = (left_out > 0)
        .then(|| view! { <li class="quiet">{td_string!(locale, usage_page.left_out, count = left_out)}</li> });
    let legend = legend
        .into_iter()
        .map(|(name, colour)| {
            view! {
                <li class="flex min-w-0 items-center gap-2">
                    <span class=format!("size-3 shrink-0 rounded-xs {}", background(colour)) aria-hidden="true"></span>
                    <span class="truncate">{name}</span>
                </li>
            }
        })
        .collect_view();
    view! {
        <figure class="panel mb-4 p-4 noscript:hidden sm:p-5">
            <figcaption class="mb-3 font-semibold">{title}</figcaption>
            <sluice-chart class="block h-72 w-full sm:h-80" role="img" aria-label=described prop:drawing=drawing></sluice-chart>
            <ul class="mt-3 flex flex-wrap gap-x-4 gap-y-1 text-sm" aria-label=td_string!(locale, usage_page.legend)>
                {legend}
                {left_out}
            </ul>
        </figure>
    }
    .into_any()
}

fn title(locale: Locale, kind: ChartKind) -> String {
    match kind {
        ChartKind::Requests => td_string!(locale, usage_page.chart_requests).to_owned(),
        ChartKind::Tokens => td_string!(locale, usage_page.chart_tokens).to_owned(),
        ChartKind::Cost { currency } => td_string!(locale, usage_page.chart_cost, currency = currency.to_string()),
        ChartKind::Duration => td_string!(locale, usage_page.chart_duration).to_owned(),
        ChartKind::DurationP95 => td_string!(locale, usage_page.chart_duration_p95).to_owned(),
        ChartKind::FirstByteP95 => td_string!(locale, usage_page.chart_first_byte_p95).to_owned(),
        ChartKind::FirstByte => td_string!(locale, usage_page.chart_first_byte).to_owned(),
    }
}

/// The class with the colour of this number.
const fn background(colour: u8) -> &'static str {
    match colour {
        1 => "bg-(--chart-1)",
        2 => "bg-(--chart-2)",
        3 => "bg-(--chart-3)",
        4 => "bg-(--chart-4)",
        5 => "bg-(--chart-5)",
        6 => "bg-(--chart-6)",
        7 => "bg-(--chart-7)",
        8 => "bg-(--chart-8)",
        _ => "bg-(--chart-other)",
    }
}
