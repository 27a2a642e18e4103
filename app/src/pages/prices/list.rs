//! What every configured model costs and where that comes from, what was entered, and what comes with Sluice.

use leptos::prelude::*;
use sluice::model::{ModelPrice, Price, PriceList, PriceSource, PriceView, ShippedPrice};

use crate::components::{Badge, Confirm, Empty, FormProblems, Glyph, Icon, PageHeader, ProblemSummary, Tone, UtcTime};
use crate::layout::loaded;
use crate::preferences::use_locale;
use crate::query::Destination;
use crate::server_fns::prices::{DeletePrice, list_prices};
use crate::text;
use crate::translations::{Locale, td_string};

/// What models cost.
#[component]
pub(crate) fn PricesPage() -> impl IntoView {
    let locale = use_locale();
    let delete = ServerAction::<DeletePrice>::new();
    let prices = Resource::new(move || delete.version().get(), |_| list_prices());
    let problems = FormProblems::follow(move || delete.value().get());
    view! {
        <PageHeader title=td_string!(locale, prices.title) subtitle=td_string!(locale, prices.subtitle)>
            <a href="/prices/new" class="btn btn-primary">
                <Icon glyph=Glyph::Add />
                {td_string!(locale, prices.add)}
            </a>
        </PageHeader>
        <ProblemSummary problems fields=Vec::new() />
        {loaded(prices, move |prices| show(locale, prices, delete))}
    }
    .into_any()
}

fn show(locale: Locale, prices: PriceList, delete: ServerAction<DeletePrice>) -> impl IntoView {
    view! {
        <div class="grid gap-8">
            {models(locale, prices.models)} {entered(locale, prices.entered, delete)}
            {shipped(locale, prices.shipped, prices.shipped_date)}
        </div>
    }
    .into_any()
}

/// The columns of a price.
fn price_heads(locale: Locale) -> impl IntoView {
    view! {
        <th scope="col" class="text-right">{td_string!(locale, prices.input)}</th>
        <th scope="col" class="text-right">{td_string!(locale, prices.cached_input)}</th>
        <th scope="col" class="text-right">{td_string!(locale, prices.output)}</th>
        <th scope="col">{td_string!(locale, prices.currency)}</th>
    }
}

fn price_cells(price: &Price) -> impl IntoView + use<> {
    let cached = price.cached_input.map_or_else(|| "–".to_owned(), |amount| format!("{amount:.2}"));
    view! {
        <td class="text-right tabular-nums">{format!("{:.2}", price.input)}</td>
        <td class="text-right tabular-nums">{cached}</td>
        <td class="text-right tabular-nums">{format!("{:.2}", price.output)}</td>
        <td>{price.currency.to_string()}</td>
    }
}

fn models(locale: Locale, models: Vec<ModelPrice>) -> impl IntoView {
    if models.is_empty() {
        return view! {
            <Empty glyph=Glyph::Prices title=td_string!(locale, prices.empty_title) text=td_string!(locale, prices.empty_text) />
        }
        .into_any();
    }
    let rows = models.into_iter().map(|model| model_row(locale, &model)).collect_view();
    view! {
        <section aria-labelledby="price-models">
            <h2 id="price-models" class="text-lg font-semibold">{td_string!(locale, prices.models)}</h2>
            <p class="quiet mb-3 text-sm">{td_string!(locale, prices.models_hint)}</p>
            <div class="panel overflow-x-auto" tabindex="0" role="region" aria-labelledby="price-models">
                <table class="table" data-prices="models">
                    <thead class="quiet">
                        <tr>
                            <th scope="col">{td_string!(locale, prices.model)}</th>
                            <th scope="col">{td_string!(locale, prices.server)}</th>
                            {price_heads(locale)}
                            <th scope="col">{td_string!(locale, prices.source)}</th>
                            <th scope="col">
                                <span class="sr-only">{td_string!(locale, common.actions)}</span>
                            </th>
                        </tr>
                    </thead>
                    <tbody>{rows}</tbody>
                </table>
            </div>
        </section>
    }
    .into_any()
}

fn model_row(locale: Locale, model: &ModelPrice) -> impl IntoView + use<> {
    let cells = match &model.price {
        Some(price) => price_cells(price).into_any(),
        None => view! {
            <td colspan="4">
                <Badge tone=Tone::Warning text=td_string!(locale, prices.unknown) />
            </td>
        }
        .into_any(),
    };
    let source = model.source.map(|source| text::price_source(locale, source));
    let own = matches!(model.source, Some(PriceSource::Server | PriceSource::Model));
    let caption = if own { td_string!(locale, prices.new_price) } else { td_string!(locale, prices.own_price) };
    let renamed = (model.upstream_model != model.model).then(|| model.upstream_model.clone());
    let label = td_string!(locale, prices.add_for, model = model.model.clone(), server = model.server_name.clone());
    view! {
        <tr>
            <th scope="row" class="min-w-40 font-mono text-sm font-medium [overflow-wrap:anywhere]">
                {model.model.clone()}
                {renamed.map(|name| view! { <span class="quiet block text-xs font-normal">{name}</span> })}
            </th>
            <td class="[overflow-wrap:anywhere]">{model.server_name.clone()}</td>
            {cells}
            <td>{source}</td>
            <td class="text-right">
                <a href=Destination::new_price_of(&model.model, model.server_id) class="btn btn-ghost btn-sm" aria-label=label>
                    {caption}
                </a>
            </td>
        </tr>
    }
    .into_any()
}

fn entered(locale: Locale, entered: Vec<PriceView>, delete: ServerAction<DeletePrice>) -> impl IntoView {
    let table = if entered.is_empty() {
        view! { <p class="quiet panel p-4">{td_string!(locale, prices.entered_empty)}</p> }.into_any()
    } else {
        let rows = entered.into_iter().map(|price| entered_row(locale, price, delete)).collect_view();
        view! {
            <div class="panel overflow-x-auto" tabindex="0" role="region" aria-labelledby="price-entered">
                <table class="table" data-prices="entered">
                    <thead class="quiet">
                        <tr>
                            <th scope="col">{td_string!(locale, prices.model)}</th>
                            <th scope="col">{td_string!(locale, prices.server)}</th>
                            {price_heads(locale)}
                            <th scope="col">{td_string!(locale, prices.valid_from)}</th>
                            <th scope="col">
                                <span class="sr-only">{td_string!(locale, common.actions)}</span>
                            </th>
                        </tr>
                    </thead>
                    <tbody>{rows}</tbody>
                </table>
            </div>
        }
        .into_any()
    };
    view! {
        <section aria-labelledby="price-entered">
            <h2 id="price-entered" class="text-lg font-semibold">{td_string!(locale, prices.entered)}</h2>
            <p class="quiet mb-3 text-sm">{td_string!(locale, prices.entered_hint)}</p>
            {table}
        </section>
    }
    .into_any()
}

fn entered_row(locale: Locale, price: PriceView, delete: ServerAction<DeletePrice>) -> impl IntoView {
    let server = match price.server_name.clone() {
        Some(name) => view! { <span class="[overflow-wrap:anywhere]">{name}</span> }.into_any(),
        None => view! { <span class="quiet">{td_string!(locale, prices.any_server)}</span> }.into_any(),
    };
    view! {
        <tr>
            <th scope="row" class="min-w-40 font-mono text-sm font-medium [overflow-wrap:anywhere]">{price.model.clone()}</th>
            <td>{server}</td>
            {price_cells(&price.price)}
            <td><UtcTime milliseconds=price.valid_from_ms /></td>
            <td>
                <div class="flex justify-end gap-1">
                    <a
                        href=Destination::Price(price.id).path()
                        class="btn btn-ghost btn-sm"
                        aria-label=td_string!(locale, prices.edit_one, model = price.model.clone())
                    >
                        {td_string!(locale, common.edit)}
                    </a>
                    <Confirm
                        id=format!("delete-price-{}", price.id)
                        label=td_string!(locale, prices.delete_one, model = price.model.clone())
                        title=td_string!(locale, prices.delete_title, model = price.model.clone())
                        text=td_string!(locale, prices.delete_text)
                    >
                        <ActionForm action=delete>
                            <input type="hidden" name="id" value=price.id.to_string() />
                            <button type="submit" class="btn btn-error">
                                {td_string!(locale, common.delete)}
                            </button>
                        </ActionForm>
                    </Confirm>
                </div>
            </td>
        </tr>
    }
    .into_any()
}

fn shipped(locale: Locale, shipped: Vec<ShippedPrice>, date: String) -> impl IntoView {
    let rows = (0..).zip(shipped).map(|(index, price)| shipped_row(locale, index, &price)).collect_view();
    view! {
        <section aria-labelledby="price-shipped">
            <h2 id="price-shipped" class="text-lg font-semibold">{td_string!(locale, prices.shipped, date = date)}</h2>
            <p class="quiet mb-3 text-sm">{td_string!(locale, prices.shipped_hint)}</p>
            <details class="panel group">
                <summary class="flex w-fit cursor-pointer list-none items-center gap-2 rounded-field p-4 font-medium">
                    <span class="transition-transform group-open:rotate-90" aria-hidden="true">
                        "›"
                    </span>
                    {td_string!(locale, prices.shipped_show)}
                </summary>
                <div class="overflow-x-auto" tabindex="0" role="region" aria-labelledby="price-shipped">
                    <table class="table table-sm" data-prices="shipped">
                        <thead class="quiet">
                            <tr>
                                <th scope="col">{td_string!(locale, prices.model)}</th>
                                <th scope="col">{td_string!(locale, prices.vendor)}</th>
                                {price_heads(locale)}
                                <th scope="col">
                                    <span class="sr-only">{td_string!(locale, common.actions)}</span>
                                </th>
                            </tr>
                        </thead>
                        <tbody>{rows}</tbody>
                    </table>
                </div>
            </details>
        </section>
    }
    .into_any()
}

fn shipped_row(locale: Locale, index: u32, price: &ShippedPrice) -> impl IntoView + use<> {
    view! {
        <tr>
            <th scope="row" class="font-mono text-sm font-medium [overflow-wrap:anywhere]">{price.model.clone()}</th>
            <td class="whitespace-nowrap">{price.vendor.clone()}</td>
            {price_cells(&price.price)}
            <td class="text-right">
                <a
                    href=Destination::new_price_like(index)
                    class="btn btn-ghost btn-sm whitespace-nowrap"
                    aria-label=td_string!(locale, prices.take_over_one, model = price.model.clone())
                >
                    {td_string!(locale, prices.take_over)}
                </a>
            </td>
        </tr>
    }
    .into_any()
}
