//! The numbers of the charts as a table that scrolls inside its own frame, page by page if it is long.

use leptos::prelude::*;
use sluice::model::{Percentiles, UsageTotals};

use super::PATH;
use super::filters::dimension_name;
use crate::components::CostText;
use crate::format::{count_text, duration_text};
use crate::preferences::use_locale;
use crate::server_fns::usage::{TableRow, UsageAnswer};
use crate::translations::td_string;
use crate::usage::UsageFilters;

/// The table.
#[component]
pub(super) fn UsageTable(
    /// The numbers.
    answer: UsageAnswer,
    /// What is chosen.
    filters: UsageFilters,
) -> impl IntoView {
    let locale = use_locale();
    let UsageAnswer { by, rows, total, total_requests_path, row_count, page, pages, .. } = answer;
    let group_heading = by.map(|by| view! { <th scope="col">{dimension_name(locale, by)}</th> });
    let rows = rows.into_iter().map(table_row).collect_view();
    let columns = if by.is_some() { "2" } else { "1" };
    let total = view! {
        <tr class="font-semibold" data-total>
            <th scope="row" colspan=columns>
                {td_string!(locale, usage_page.total)}
            </th>
            {cells(total_requests_path, total)}
        </tr>
    };
    view! {
        <section aria-labelledby="numbers">
            <div class="mt-6 mb-3 flex flex-wrap items-baseline justify-between gap-x-4">
                <h2 id="numbers" class="text-lg font-semibold">
                    {td_string!(locale, usage_page.table)}
                </h2>
                <p class="quiet text-sm">{td_string!(locale, usage_page.row_count, count = count_text(whole(row_count)))}</p>
            </div>
            <div
                class="panel max-h-128 overflow-auto"
                tabindex="0"
                role="region"
                aria-labelledby="numbers"
            >
                <table class="table table-sm table-pin-rows tabular-nums [&_td]:whitespace-nowrap">
                    <caption class="sr-only">{td_string!(locale, usage_page.table)}</caption>
                    <thead class="quiet">
                        <tr>
                            <th scope="col">{td_string!(locale, usage_page.period)}</th>
                            {group_heading}
                            <th scope="col" class="text-right">{td_string!(locale, usage_page.measure_requests)}</th>
                            <th scope="col" class="text-right">{td_string!(locale, usage_page.errors)}</th>
                            <th scope="col" class="text-right">{td_string!(locale, usage_page.column_input)}</th>
                            <th scope="col" class="text-right">{td_string!(locale, usage_page.column_output)}</th>
                            <th scope="col" class="text-right">{td_string!(locale, usage_page.column_tokens)}</th>
                            <th scope="col" class="text-right">{td_string!(locale, usage_page.measure_cost)}</th>
                            <th scope="col" class="text-right">{td_string!(locale, usage_page.column_p50)}</th>
                            <th scope="col" class="text-right">{td_string!(locale, usage_page.column_p95)}</th>
                        </tr>
                    </thead>
                    <tbody>{total} {rows}</tbody>
                </table>
            </div>
            <Pages filters page pages />
        </section>
    }
    .into_any()
}

fn table_row(row: TableRow) -> impl IntoView {
    let TableRow { start, period, group, requests_path, totals } = row;
    let group = group.map(|group| view! { <td class="max-w-64 truncate" title=group.clone()>{group.clone()}</td> });
    view! {
        <tr>
            <th scope="row" class="font-normal whitespace-nowrap">
                <time datetime=start>{period}</time>
            </th>
            {group}
            {cells(requests_path, totals)}
        </tr>
    }
    .into_any()
}

/// The numbers of a row; each carries its exact value besides what is shown.
fn cells(requests_path: String, totals: UsageTotals) -> impl IntoView {
    let UsageTotals {
        requests, errors, input_tokens, output_tokens, total_tokens, costs, unpriced, duration_ms, ..
    } = totals;
    let count = |column: &'static str, value: u64| {
        view! {
            <td class="text-right" data-column=column>
                <data value=value.to_string()>{count_text(value)}</data>
            </td>
        }
    };
    let duration = |column: &'static str, pick: fn(Percentiles) -> u32| {
        let value = duration_ms.map(pick);
        view! {
            <td class="text-right" data-column=column>
                <data value=value.map(|value| value.to_string()).unwrap_or_default()>
                    {value.map_or_else(|| "–".to_owned(), duration_text)}
                </data>
            </td>
        }
    };
    view! {
        <td class="text-right" data-column="requests">
            <a href=requests_path class="link link-primary">
                <data value=requests.to_string()>{count_text(requests)}</data>
            </a>
        </td>
        {count("errors", errors)}
        {count("input_tokens", input_tokens)}
        {count("output_tokens", output_tokens)}
        {count("total_tokens", total_tokens)}
        <td class="text-right" data-column="cost">
            <CostText costs unpriced />
        </td>
        {duration("duration_p50_ms", |percentiles| percentiles.p50)}
        {duration("duration_p95_ms", |percentiles| percentiles.p95)}
    }
}

/// Plain links, so that they can be opened, bookmarked and used without JavaScript.
#[component]
fn Pages(
    /// What is chosen.
    filters: UsageFilters,
    /// This page, from 1.
    page: usize,
    /// How many there are.
    pages: usize,
) -> impl IntoView {
    let locale = use_locale();
    if pages < 2 {
        return ().into_any();
    }
    let link = |page: usize, text: &'static str| {
        view! {
            <a href=filters.on_page(page).address(PATH) class="btn btn-sm">
                {text}
            </a>
        }
    };
    let before = (page > 1).then(|| link(page - 1, td_string!(locale, usage_page.page_before)));
    let after = (page < pages).then(|| link(page.saturating_add(1), td_string!(locale, usage_page.page_after)));
    view! {
        <nav class="mt-4 flex items-center justify-end gap-2" aria-label=td_string!(locale, usage_page.pages)>
            <span class="quiet text-sm">{td_string!(locale, usage_page.page_of, page = page, pages = pages)}</span>
            {before}
            {after}
        </nav>
    }
    .into_any()
}

fn whole(number: usize) -> u64 {
    u64::try_from(number).unwrap_or(u64::MAX)
}
