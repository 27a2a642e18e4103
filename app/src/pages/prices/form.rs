//! Entering a price, and changing one.

use leptos::prelude::*;
use leptos_router::hooks::{use_params, use_query};
use sluice::model::{Price, PriceId, PriceList, PriceView, ServerId};

use crate::UiError;
use crate::components::{FormProblems, PageHeader, ProblemSummary, TextField};
use crate::format::utc_moment;
use crate::layout::loaded;
use crate::preferences::use_locale;
use crate::query::{IdParams, NewPriceQuery};
use crate::server_fns::prices::{SavePrice, get_price, list_prices};
use crate::translations::{Locale, td_string};

/// What the form holds at first.
#[derive(Clone, Debug, Default)]
struct Fields {
    id: Option<PriceId>,
    model: String,
    server_id: Option<ServerId>,
    price: Option<Price>,
    valid_from_ms: Option<i64>,
}

impl Fields {
    /// As the address says: a configured model, or a shipped price. Anything else in it is nothing.
    fn asked_for(query: &NewPriceQuery, list: &PriceList) -> Self {
        if let Some(shipped) = query.shipped.and_then(|index| list.shipped.get(usize::try_from(index).ok()?)) {
            // Entered prices are for public names: of the first model that is called so upstream, if there is one.
            let configured = list.models.iter().find(|model| model.upstream_model == shipped.model);
            let model = configured.map_or(&shipped.model, |model| &model.model).clone();
            return Self { model, price: Some(shipped.price), ..Self::default() };
        }
        let asked = list
            .models
            .iter()
            .find(|model| query.model.as_ref() == Some(&model.model) && query.server == Some(model.server_id.0));
        asked.map_or_else(Self::default, |model| Self {
            model: model.model.clone(),
            server_id: Some(model.server_id),
            price: model.price,
            ..Self::default()
        })
    }

    fn of(view: PriceView) -> Self {
        let PriceView { id, model, server_id, price, valid_from_ms, .. } = view;
        Self { id: Some(id), model, server_id, price: Some(price), valid_from_ms: Some(valid_from_ms) }
    }
}

/// Entering a price.
#[component]
pub(crate) fn PriceNewPage() -> impl IntoView {
    let locale = use_locale();
    let query = use_query::<NewPriceQuery>();
    let list = Resource::new(|| (), |()| list_prices());
    view! {
        <PageHeader title=td_string!(locale, prices.new_title) subtitle=td_string!(locale, prices.form_subtitle) />
        {loaded(list, move |list| {
            let asked = query.get_untracked().unwrap_or_default();
            let fields = Fields::asked_for(&asked, &list);
            form(locale, fields, list)
        })}
    }
}

/// Changing a price.
#[component]
pub(crate) fn PriceEditPage() -> impl IntoView {
    let locale = use_locale();
    let params = use_params::<IdParams>();
    let id = move || PriceId(params.get().ok().and_then(|params| params.id).unwrap_or_default());
    let data = Resource::new(id, price_and_list);
    view! {
        <PageHeader title=td_string!(locale, prices.edit_title) subtitle=td_string!(locale, prices.form_subtitle) />
        {loaded(data, move |(price, list)| form(locale, Fields::of(price), list))}
    }
}

async fn price_and_list(id: PriceId) -> Result<(PriceView, PriceList), UiError> {
    Ok((get_price(id).await?, list_prices().await?))
}

fn form(locale: Locale, fields: Fields, list: PriceList) -> impl IntoView {
    let save = ServerAction::<SavePrice>::new();
    let problems = FormProblems::follow(move || save.value().get());
    let Fields { id, model, server_id, price, valid_from_ms } = fields;
    let amount = |amount: Option<sluice::model::Amount>| amount.map(|amount| amount.to_string()).unwrap_or_default();
    let currency = price.map_or_else(|| "USD".to_owned(), |price| price.currency.to_string());
    view! {
        <ProblemSummary problems fields=labels(locale) />
        <ActionForm action=save attr:class="grid max-w-3xl gap-6" attr:novalidate="">
            <input type="hidden" name="form[id]" value=id.map(|id| id.to_string()).unwrap_or_default() />
            <div class="panel grid gap-5 p-5 sm:grid-cols-2 sm:p-6">
                <TextField
                    field="model"
                    name="form[model]"
                    label=td_string!(locale, prices.model)
                    hint=td_string!(locale, prices.model_hint)
                    value=model
                    problem=problems.of("model")
                    required=true
                    code=true
                />
                {servers(locale, &list, server_id, problems)}
            </div>
            <div class="panel grid gap-5 p-5 sm:grid-cols-2 sm:p-6">
                <p class="quiet sm:col-span-2">{td_string!(locale, prices.per_million)}</p>
                <TextField
                    field="input"
                    name="form[input]"
                    label=td_string!(locale, prices.input)
                    value=amount(price.map(|price| price.input))
                    inputmode="decimal"
                    problem=problems.of("input")
                    required=true
                />
                <TextField
                    field="cached_input"
                    name="form[cached_input]"
                    label=td_string!(locale, prices.cached_input)
                    hint=td_string!(locale, prices.cached_input_hint)
                    value=amount(price.and_then(|price| price.cached_input))
                    inputmode="decimal"
                    problem=problems.of("cached_input")
                    optional=true
                />
                <TextField
                    field="output"
                    name="form[output]"
                    label=td_string!(locale, prices.output)
                    hint=td_string!(locale, prices.output_hint)
                    value=amount(price.map(|price| price.output))
                    inputmode="decimal"
                    problem=problems.of("output")
                    required=true
                />
                <TextField
                    field="currency"
                    name="form[currency]"
                    label=td_string!(locale, prices.currency)
                    hint=td_string!(locale, prices.currency_hint)
                    value=currency
                    problem=problems.of("currency")
                    required=true
                    code=true
                />
            </div>
            <div class="panel grid gap-5 p-5 sm:p-6">
                <TextField
                    field="valid_from_ms"
                    name="form[valid_from]"
                    kind="datetime-local"
                    label=td_string!(locale, prices.valid_from_label)
                    hint=td_string!(locale, prices.valid_from_hint)
                    value=valid_from_ms.map(utc_moment).unwrap_or_default()
                    problem=problems.of("valid_from_ms")
                    optional=true
                />
            </div>
            <div class="flex flex-wrap gap-2">
                <button type="submit" class="btn btn-primary" disabled=move || save.pending().get()>
                    {td_string!(locale, common.save)}
                </button>
                <a href="/prices" class="btn btn-ghost">
                    {td_string!(locale, common.cancel)}
                </a>
            </div>
        </ActionForm>
    }
    .into_any()
}

/// The choice of a server.
fn servers(
    locale: Locale,
    list: &PriceList,
    chosen: Option<ServerId>,
    problems: FormProblems,
) -> impl IntoView + use<> {
    let mut servers: Vec<(ServerId, String)> = Vec::new();
    for model in &list.models {
        if !servers.iter().any(|(id, _)| *id == model.server_id) {
            servers.push((model.server_id, model.server_name.clone()));
        }
    }
    let options = servers
        .into_iter()
        .map(|(id, name)| {
            view! {
                <option value=id.to_string() selected={Some(id) == chosen}>
                    {name}
                </option>
            }
        })
        .collect_view();
    let problem = problems.of("server_id");
    view! {
        <div class="min-w-0">
            <label for="field-server_id" class="mb-1 block font-medium">
                {td_string!(locale, prices.server)}
            </label>
            <select
                id="field-server_id"
                name="form[server_id]"
                class="select w-full"
                autocomplete="off"
                aria-describedby="field-server_id-hint"
                aria-invalid=move || problem.with(Option::is_some).then_some("true")
            >
                <option value="" selected=chosen.is_none()>
                    {td_string!(locale, prices.any_server)}
                </option>
                {options}
            </select>
            {move || problem.get().map(|text| view! { <p class="mt-1 text-sm font-medium text-error">{text}</p> })}
            <p id="field-server_id-hint" class="quiet mt-1 text-sm">
                {td_string!(locale, prices.server_hint)}
            </p>
        </div>
    }
    .into_any()
}

/// What the summary calls each field.
fn labels(locale: Locale) -> Vec<(&'static str, &'static str)> {
    vec![
        ("model", td_string!(locale, prices.model)),
        ("server_id", td_string!(locale, prices.server)),
        ("input", td_string!(locale, prices.input)),
        ("cached_input", td_string!(locale, prices.cached_input)),
        ("output", td_string!(locale, prices.output)),
        ("currency", td_string!(locale, prices.currency)),
        ("valid_from_ms", td_string!(locale, prices.valid_from_label)),
    ]
}
