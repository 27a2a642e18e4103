//! Requests as a table.

use leptos::ev::MouseEvent;
use leptos::prelude::*;
use leptos::tachys::view::keyed::keyed;
use sluice::model::{RequestView, TokenSource};

use super::{Badge, UtcTime, outcome_tone};
use crate::filter;
use crate::format::{duration_text, number_text};
use crate::preferences::use_locale;
use crate::text;
use crate::translations::{Locale, td_string};

/// Requests as a table that scrolls inside its own frame.
#[component]
pub(crate) fn RequestTable(
    /// The rows, newest first.
    rows: Vec<RequestView>,
    /// Opens a request beside the list, by its id; without it, and without JavaScript, a page of its own opens.
    #[prop(optional, into)]
    on_open: Option<Callback<String>>,
) -> impl IntoView {
    let locale = use_locale();
    // A record never changes: rows that stay are left alone, and so is the focus on one of them.
    let rows = keyed(rows, |row| row.id.clone(), move |_, row| (|_: usize| (), request_row(locale, row, on_open)));
    view! {
        <div class="panel overflow-x-auto" tabindex="0" role="region" aria-label=td_string!(locale, requests.list)>
            <table class="table table-sm [&_td]:px-1.5 [&_th]:px-1.5">
                <caption class="sr-only">{td_string!(locale, requests.list)}</caption>
                <thead class="quiet">
                    <tr>
                        <th scope="col">{td_string!(locale, requests.time)}</th>
                        <th scope="col">{td_string!(locale, requests.outcome)}</th>
                        <th scope="col">
                            {td_string!(locale, requests.model)}
                            <span class="block text-xs font-normal">{td_string!(locale, requests.server)}</span>
                        </th>
                        <th scope="col">
                            {td_string!(locale, requests.app)}
                            <span class="block text-xs font-normal">{td_string!(locale, requests.key)}</span>
                        </th>
                        <th scope="col">{td_string!(locale, requests.endpoint)}</th>
                        <th scope="col" class="text-right">{td_string!(locale, requests.tokens_in)}</th>
                        <th scope="col" class="text-right">{td_string!(locale, requests.tokens_out)}</th>
                        <th scope="col" class="text-right">
                            {td_string!(locale, requests.duration)}
                            <span class="block text-xs font-normal">{td_string!(locale, requests.first_byte)}</span>
                        </th>
                    </tr>
                </thead>
                <tbody>{rows}</tbody>
            </table>
        </div>
    }
    .into_any()
}

/// Id of the link in the row of a request.
pub(crate) fn row_link_id(request: &str) -> String {
    format!("request-{request}")
}

fn request_row(locale: Locale, row: RequestView, on_open: Option<Callback<String>>) -> AnyView {
    let open = {
        let id = row.id.clone();
        move |event: MouseEvent| {
            let is_plain =
                event.button() == 0 && !(event.ctrl_key() || event.meta_key() || event.shift_key() || event.alt_key());
            if let Some(on_open) = on_open.filter(|_| is_plain) {
                event.prevent_default();
                on_open.run(id.clone());
            }
        }
    };
    let (link_id, href) = (row_link_id(&row.id), filter::detail_path(&row.id));
    let what = text::outcome(locale, row.outcome);
    let outcome = if row.status == 0 { what.to_owned() } else { format!("{what} {}", row.status) };
    let attempts = (row.attempts > 1).then(|| td_string!(locale, requests.attempts, count = row.attempts));
    let detail = [row.error_code, attempts].into_iter().flatten().collect::<Vec<_>>().join(" · ");
    let waited = text::waited(locale, row.queue_ms, row.limited_by);
    let streamed = row.streamed.then(|| td_string!(locale, requests.streamed));
    view! {
        <tr class="hover:bg-base-200" data-request=row.id>
            <td>
                <a id=link_id href=href class="link link-hover" on:click=open>
                    <UtcTime milliseconds=row.started_at_ms />
                    <span class="sr-only">", " {td_string!(locale, requests.details)}</span>
                </a>
            </td>
            <td>
                <Badge tone=outcome_tone(row.outcome, row.status) text=outcome />
                {(!detail.is_empty()).then(|| view! { <span class="quiet mt-0.5 block text-xs whitespace-nowrap">{detail}</span> })}
                {waited.map(|text| view! { <span class="quiet mt-0.5 block max-w-44 text-xs">{text}</span> })}
            </td>
            <td class="font-mono text-[0.8125rem] min-w-28 break-all">
                {row.model} <span class="quiet block font-sans text-xs">{or_dash(locale, row.server_name)}</span>
            </td>
            <td class="whitespace-nowrap">
                {or_dash(locale, row.app_name)} <span class="quiet block text-xs">{or_dash(locale, row.key_name)}</span>
            </td>
            <td class="whitespace-nowrap">
                {text::endpoint(row.endpoint)}
                {streamed.map(|text| view! { <span class="quiet block text-xs">{text}</span> })}
            </td>
            <td class="text-right tabular-nums">{tokens(locale, row.input_tokens, row.token_source)}</td>
            <td class="text-right tabular-nums">{tokens(locale, row.output_tokens, row.token_source)}</td>
            <td class="text-right whitespace-nowrap tabular-nums">
                {duration_text(row.duration_ms)}
                <span class="quiet block text-xs">{or_dash(locale, row.first_byte_ms.map(duration_text))}</span>
            </td>
        </tr>
    }
    .into_any()
}

/// A number of tokens, marked if it is an estimate.
fn tokens(locale: Locale, count: Option<i64>, source: TokenSource) -> AnyView {
    let Some(count) = count.filter(|_| source == TokenSource::Estimated) else {
        return or_dash(locale, count.map(number_text));
    };
    let estimated = td_string!(locale, requests.estimated);
    view! {
        <span class="quiet" title=estimated>
            <span aria-hidden="true">"≈ "</span>
            <span class="sr-only">{estimated}" "</span>
            {number_text(count)}
        </span>
    }
    .into_any()
}

/// A value, or a dash that a screen reader reads as "unknown".
pub(crate) fn or_dash(locale: Locale, value: Option<String>) -> AnyView {
    match value {
        Some(value) => value.into_any(),
        None => view! {
            <span class="quiet">
                <span aria-hidden="true">"–"</span>
                <span class="sr-only">{td_string!(locale, requests.unknown)}</span>
            </span>
        }
        .into_any(),
    }
}
