//! Everything about one request, as a page of its own and inside the drawer.

use leptos::prelude::*;
use leptos_router::hooks::use_params;
use sluice::model::{Amount, Price, RequestDetail, RequestQuery, RequestView, TokenSource};

use super::timeline::Timeline;
use crate::components::{Badge, CopyButton, PageHeader, UtcTime, or_dash, outcome_tone};
use crate::filter::{self, Filter};
use crate::format::number_text;
use crate::layout::loaded;
use crate::preferences::use_locale;
use crate::query::RequestParams;
use crate::server_fns::requests::get_request;
use crate::text;
use crate::translations::{Locale, td_string};

/// Everything about one request.
#[component]
pub(crate) fn RequestDetailPage() -> impl IntoView {
    let locale = use_locale();
    let params = use_params::<RequestParams>();
    // An address without an id leads to no request; the service says so.
    let id = move || params.get().ok().and_then(|params| params.id).unwrap_or_default();
    let data = Resource::new(id, get_request);
    view! {
        <PageHeader title=td_string!(locale, requests.details)>
            <a href="/requests" class="btn border-base-300 bg-base-100">
                {td_string!(locale, requests.all)}
            </a>
        </PageHeader>
        <div class="panel max-w-3xl p-4 sm:p-6">{loaded(data, |detail| view! { <Detail detail /> })}</div>
    }
    .into_any()
}

/// Everything about one request.
#[component]
pub(super) fn Detail(
    /// The request.
    detail: RequestDetail,
) -> impl IntoView {
    let locale = use_locale();
    let request = detail.request.clone();
    let status = (request.status > 0).then(|| td_string!(locale, requests.status, status = request.status));
    let summary = [status, request.error_code.clone()].into_iter().flatten().collect::<Vec<_>>().join(" · ");
    view! {
        <div class="flex flex-wrap items-center gap-x-3 gap-y-1">
            <Badge
                tone=outcome_tone(request.outcome, request.status)
                text=text::outcome(locale, request.outcome).to_owned()
            />
            <span class="font-mono text-sm">{summary}</span>
            <span class="quiet text-sm">
                <UtcTime milliseconds=request.started_at_ms />
            </span>
        </div>
        {ids(locale, &request)}
        <Timeline detail=detail.clone() />
        {parties(locale, &request)}
        {tokens(locale, &detail)}
    }
    .into_any()
}

fn heading(title: &'static str) -> impl IntoView {
    view! { <h3 class="mt-6 mb-2 font-semibold">{title}</h3> }
}

fn ids(locale: Locale, request: &RequestView) -> impl IntoView {
    let id = |label: &'static str, target: &'static str, text: String| {
        view! {
            <div class="flex flex-wrap items-center justify-between gap-x-3 gap-y-1">
                <dt class="quiet text-sm">{label}</dt>
                <dd class="flex min-w-0 items-center gap-2">
                    <span id=target class="min-w-0 font-mono text-[0.8125rem] break-all">
                        {text.clone()}
                    </span>
                    <CopyButton text label=td_string!(locale, common.copy) target />
                </dd>
            </div>
        }
    };
    let client = request.client_request_id.clone();
    view! {
        <dl class="mt-4 grid gap-2">
            {id(td_string!(locale, requests.id), "request-own-id", request.id.clone())}
            {client.map(|text| id(td_string!(locale, requests.client_id), "request-client-id", text))}
        </dl>
    }
}

/// Who called whom for what, each with a link to all such requests.
fn parties(locale: Locale, request: &RequestView) -> impl IntoView {
    let rows = [
        (Filter::App, request.app_id.map(|id| id.to_string()), request.app_name.clone()),
        (Filter::Key, request.key_id.map(|id| id.to_string()), request.key_name.clone()),
        (Filter::Server, request.server_id.map(|id| id.to_string()), request.server_name.clone()),
        (Filter::Model, (!request.model.is_empty()).then(|| request.model.clone()), Some(request.model.clone())),
    ]
    .map(|(what, value, name)| {
        let mut query = RequestQuery::default();
        let name = name.filter(|name| !name.is_empty());
        let shown = match (value, name) {
            (Some(value), Some(name)) => {
                what.set(&mut query, Some(value));
                let href = filter::page_path(&query, None);
                view! {
                    <a href=href class="link break-all">
                        {name}
                    </a>
                }
                .into_any()
            }
            (_, name) => or_dash(locale, name),
        };
        fact(text::filter(locale, what), shown)
    });
    let streamed = request.streamed.then(|| td_string!(locale, requests.streamed));
    let endpoint =
        [Some(text::endpoint(request.endpoint)), streamed].into_iter().flatten().collect::<Vec<_>>().join(" · ");
    view! {
        {heading(td_string!(locale, requests.parties))}
        <dl class="grid grid-cols-1 gap-x-6 gap-y-2 sm:grid-cols-2">
            {rows.collect_view()}
            {fact(td_string!(locale, requests.endpoint), endpoint.into_any())}
            {fact(td_string!(locale, requests.tries), number_text(i64::from(request.attempts)).into_any())}
        </dl>
    }
}

fn fact(label: &'static str, value: AnyView) -> impl IntoView {
    view! {
        <div class="flex items-baseline justify-between gap-3 border-b border-base-300 pb-1">
            <dt class="quiet text-sm">{label}</dt>
            <dd class="min-w-0 text-right">{value}</dd>
        </div>
    }
}

/// One line of the arithmetic: how many tokens, at which price, and what that makes.
struct Line {
    what: &'static str,
    tokens: i64,
    price: Amount,
}

/// The lines whose sum is the cost: cached input tokens have a price of their own, if there is one.
fn lines(locale: Locale, request: &RequestView, price: &Price) -> Vec<Line> {
    let input = request.input_tokens.unwrap_or(0);
    let cached = request.cached_tokens.unwrap_or(0).clamp(0, input.max(0));
    let mut lines = match price.cached_input {
        Some(cached_price) if cached > 0 => vec![
            Line { what: td_string!(locale, requests.uncached_input), tokens: input - cached, price: price.input },
            Line { what: td_string!(locale, requests.cached_input), tokens: cached, price: cached_price },
        ],
        _ => vec![Line { what: td_string!(locale, requests.tokens_in), tokens: input, price: price.input }],
    };
    let output = request.output_tokens.unwrap_or(0);
    lines.push(Line { what: td_string!(locale, requests.tokens_out), tokens: output, price: price.output });
    lines
}

impl Line {
    /// What the tokens cost, rounded half up to billionths.
    fn cost(&self) -> Amount {
        let millionths = i128::from(self.tokens) * i128::from(self.price.nanos);
        Amount::from_nanos(i64::try_from((millionths + 500_000).div_euclid(1_000_000)).unwrap_or(i64::MAX))
    }
}

fn tokens(locale: Locale, detail: &RequestDetail) -> impl IntoView {
    let request = &detail.request;
    let count = |count: Option<i64>| or_dash(locale, count.map(number_text));
    let source = match request.token_source {
        TokenSource::None => td_string!(locale, requests.source_none),
        TokenSource::Reported => td_string!(locale, requests.source_reported),
        TokenSource::Estimated => td_string!(locale, requests.source_estimated),
    };
    let arithmetic = detail.price.zip(request.cost).map(|(price, cost)| {
        let rows = lines(locale, request, &price)
            .into_iter()
            .map(|line| {
                view! {
                    <tr>
                        <th scope="row" class="font-normal">
                            {line.what}
                        </th>
                        <td class="text-right tabular-nums">{number_text(line.tokens)}</td>
                        <td class="text-right tabular-nums">{format!("{:.2}", line.price)}</td>
                        <td class="text-right tabular-nums">{line.cost().to_string()}</td>
                    </tr>
                }
            })
            .collect_view();
        view! {
            <table class="table table-sm mt-3">
                <caption class="sr-only">{td_string!(locale, requests.arithmetic)}</caption>
                <thead class="quiet">
                    <tr>
                        <th scope="col">{td_string!(locale, requests.kind)}</th>
                        <th scope="col" class="text-right">{td_string!(locale, requests.tokens)}</th>
                        <th scope="col" class="text-right">
                            {td_string!(locale, requests.per_million, currency = price.currency.to_string())}
                        </th>
                        <th scope="col" class="text-right">{td_string!(locale, requests.cost)}</th>
                    </tr>
                </thead>
                <tbody>{rows}</tbody>
                <tfoot>
                    <tr>
                        <th scope="row" colspan="3">{td_string!(locale, requests.total)}</th>
                        <td class="text-right font-semibold tabular-nums">{cost.to_string()}</td>
                    </tr>
                </tfoot>
            </table>
        }
    });
    view! {
        {heading(td_string!(locale, requests.tokens_and_cost))}
        <dl class="grid grid-cols-1 gap-x-6 gap-y-2 sm:grid-cols-2">
            {fact(td_string!(locale, requests.tokens_in), count(request.input_tokens))}
            {fact(td_string!(locale, requests.cached_input), count(request.cached_tokens))}
            {fact(td_string!(locale, requests.tokens_out), count(request.output_tokens))}
            {fact(td_string!(locale, requests.reasoning), count(request.reasoning_tokens))}
            {fact(td_string!(locale, requests.charged), count(detail.charged_tokens))}
            {fact(td_string!(locale, requests.cost), or_dash(locale, request.cost.map(|cost| cost.to_string())))}
        </dl>
        <p class="quiet mt-2 text-sm">{source}</p>
        {arithmetic}
    }
}

#[cfg(test)]
mod tests {
    use sluice::model::{Currency, Endpoint, Outcome};

    use super::*;

    fn amount(text: &str) -> Amount {
        text.parse().unwrap_or_default()
    }

    fn request() -> RequestView {
        RequestView {
            id: String::new(),
            client_request_id: None,
            started_at_ms: 0,
            app_id: None,
            app_name: None,
            key_id: None,
            key_name: None,
            server_id: None,
            server_name: None,
            model: String::new(),
            endpoint: Endpoint::ChatCompletions,
            streamed: false,
            outcome: Outcome::Completed,
            status: 200,
            error_code: None,
            attempts: 1,
            queue_ms: 0,
            limited_by: None,
            input_tokens: Some(1_200),
            cached_tokens: Some(200),
            output_tokens: Some(300),
            reasoning_tokens: None,
            token_source: TokenSource::Reported,
            cost: None,
            first_byte_ms: None,
            duration_ms: 0,
        }
    }

    fn costs(price: &Price) -> Vec<(i64, String)> {
        lines(Locale::en, &request(), price).iter().map(|line| (line.tokens, line.cost().to_string())).collect()
    }

    #[test]
    fn cached_tokens_are_counted_once() {
        let price = Price {
            currency: Currency::USD,
            input: amount("2.5"),
            cached_input: Some(amount("1.25")),
            output: amount("10"),
        };
        assert_eq!(
            costs(&price),
            [(1_000, "0.0025".to_owned()), (200, "0.00025".to_owned()), (300, "0.003".to_owned())]
        );
        let price = Price { cached_input: None, ..price };
        assert_eq!(costs(&price), [(1_200, "0.003".to_owned()), (300, "0.003".to_owned())]);
    }
}
