//! The form of filters, and what is filtered as chips that can be taken away.
//!
//! A plain GET form: without JavaScript it works by itself; with it nothing is loaded again but the list, and the address
//! holds only what is filled in.

use leptos::prelude::*;
use leptos_router::NavigateOptions;
use leptos_router::hooks::use_navigate;
use sluice::model::{Outcome, RequestQuery};

use crate::browser;
use crate::filter::{self, Filter};
use crate::layout::loaded;
use crate::preferences::use_locale;
use crate::server_fns::requests::{FilterChoices, get_filter_choices};
use crate::text;
use crate::translations::{Locale, td_string};

/// The form, the presets and the chips.
#[component]
pub(super) fn Filters(
    /// What is filtered.
    query: Memo<RequestQuery>,
) -> impl IntoView {
    let locale = use_locale();
    let zone = Memo::new(move |_| query.with(|query| query.tz.clone()));
    let choices = Resource::new(move || zone.get(), get_filter_choices);
    loaded(choices, move |choices| show(locale, query, choices))
}

fn show(locale: Locale, query: Memo<RequestQuery>, choices: FilterChoices) -> impl IntoView {
    let choices = StoredValue::new(choices);
    let navigate = use_navigate();
    let submit = move |event: leptos::ev::SubmitEvent| {
        event.prevent_default();
        let mut wanted = RequestQuery { tz: query.with_untracked(|query| query.tz.clone()), ..RequestQuery::default() };
        for filter in Filter::ALL {
            filter.set(&mut wanted, filter::given(Some(browser::value(&field_id(filter)))));
        }
        navigate(&filter::page_path(&wanted, None), NavigateOptions { scroll: false, ..NavigateOptions::default() });
    };
    let zone = move || query.with(|query| query.tz.clone());
    let is_filtered = Memo::new(move |_| query.with(filter::is_filtered));
    view! {
        <search class="panel mb-4 block p-4">
            <form method="get" action="/requests" on:submit=submit>
                <div class="grid grid-cols-2 items-start gap-3 lg:grid-cols-4">
                    {time_field(locale, Filter::From, query)}
                    {time_field(locale, Filter::To, query)}
                    {choice(locale, Filter::Server, query, choices.with_value(servers))}
                    {choice(locale, Filter::Outcome, query, outcomes(locale))}
                    {named(locale, Filter::App, query, choices.with_value(|choices| choices.apps.clone()))}
                    {choice(locale, Filter::Key, query, choices.with_value(keys))}
                    {named(locale, Filter::Model, query, choices.with_value(|choices| choices.models.clone()))}
                    {named(locale, Filter::Id, query, Vec::new())}
                </div>
                {move || zone().map(|zone| view! { <input type="hidden" name="tz" value=zone /> })}
                <div class="mt-4 flex flex-wrap items-center justify-between gap-3">
                    {presets(locale, query, choices)}
                    <div class="flex items-center gap-2">
                        <Show when=move || is_filtered.get()>
                            <a href="/requests" class="btn btn-ghost btn-sm">
                                {td_string!(locale, requests.clear)}
                            </a>
                        </Show>
                        <button type="submit" class="btn btn-primary btn-sm">
                            {td_string!(locale, requests.apply)}
                        </button>
                    </div>
                </div>
            </form>
        </search>
        {move || query.with(|query| chips(locale, query, &choices.get_value()))}
    }
    .into_any()
}

/// Id of the input of a filter.
fn field_id(filter: Filter) -> String {
    format!("filter-{}", filter.name())
}

/// What the field of a filter holds.
fn value_of(filter: Filter, query: &RequestQuery) -> String {
    filter.of(query).unwrap_or_default().to_owned()
}

fn labelled(locale: Locale, filter: Filter, input: AnyView) -> AnyView {
    // Times need room, on a phone a whole line.
    let is_time = matches!(filter, Filter::From | Filter::To);
    view! {
        <div class="min-w-0" class=("max-sm:col-span-2", is_time)>
            <label for=field_id(filter) class="mb-1 block text-sm font-medium">
                {text::filter(locale, filter)}
            </label>
            {input}
        </div>
    }
    .into_any()
}

/// A time; one that the browser's own field cannot hold, such as one with an offset, is shown as text.
fn time_field(locale: Locale, filter: Filter, query: Memo<RequestQuery>) -> AnyView {
    let shown = Memo::new(move |_| {
        let text = query.with(|query| value_of(filter, query));
        match filter::field_time(filter, &text) {
            Some(time) => ("datetime-local", time),
            None if text.is_empty() => ("datetime-local", text),
            None => ("text", text),
        }
    });
    let (kind, value) = shown.get_untracked();
    let input = view! {
        <input
            id=field_id(filter)
            name=filter.name()
            type=kind
            prop:type=move || shown.with(|(kind, _)| *kind)
            class="input input-sm w-full"
            value=value
            prop:value=move || shown.with(|(_, value)| value.clone())
            autocomplete="off"
        />
    };
    labelled(locale, filter, input.into_any())
}

/// A name that is typed in, with suggestions.
fn named(locale: Locale, filter: Filter, query: Memo<RequestQuery>, suggestions: Vec<String>) -> AnyView {
    let list_id = format!("{}-choices", field_id(filter));
    let placeholder = if filter == Filter::Id { "" } else { td_string!(locale, requests.any) };
    let suggestions = suggestions.into_iter().map(|name| view! { <option value=name></option> }).collect_view();
    let input = view! {
        <input
            id=field_id(filter)
            name=filter.name()
            type="text"
            class="input input-sm w-full font-mono"
            value=query.with_untracked(|query| value_of(filter, query))
            prop:value=move || query.with(|query| value_of(filter, query))
            list=list_id.clone()
            placeholder=placeholder
            autocomplete="off"
            autocapitalize="none"
            spellcheck="false"
        />
        <datalist id=list_id>{suggestions}</datalist>
    };
    labelled(locale, filter, input.into_any())
}

/// One of a few things. What the address says and is none of them, such as several at once, is one more.
fn choice(locale: Locale, filter: Filter, query: Memo<RequestQuery>, known: Vec<Choice>) -> AnyView {
    let options = move || {
        let chosen = query.with(|query| value_of(filter, query));
        let mut options = vec![Choice { value: String::new(), name: td_string!(locale, requests.any).to_owned() }];
        options.extend(known.iter().cloned());
        if !options.iter().any(|option| option.is(&chosen)) {
            options.push(Choice { value: chosen.clone(), name: chosen.clone() });
        }
        let options = options.into_iter().map(|option| {
            let selected = option.is(&chosen);
            view! {
                <option value=option.value selected=selected prop:selected=selected>
                    {option.name}
                </option>
            }
        });
        options.collect_view()
    };
    let select = view! {
        <select id=field_id(filter) name=filter.name() class="select select-sm w-full" autocomplete="off">
            {options}
        </select>
    };
    labelled(locale, filter, select.into_any())
}

/// Something that can be chosen.
#[derive(Clone)]
struct Choice {
    /// As addresses have it.
    value: String,
    /// As people call it.
    name: String,
}

impl Choice {
    /// Whether an address means this, by its id or its name.
    fn is(&self, text: &str) -> bool {
        self.value == text || (!text.is_empty() && self.name == text)
    }
}

fn servers(choices: &FilterChoices) -> Vec<Choice> {
    choices.servers.iter().map(|(id, name)| Choice { value: id.to_string(), name: name.clone() }).collect()
}

fn keys(choices: &FilterChoices) -> Vec<Choice> {
    choices.keys.iter().map(|(id, name)| Choice { value: id.to_string(), name: format!("{name} ({id})") }).collect()
}

fn outcomes(locale: Locale) -> Vec<Choice> {
    let outcomes = Outcome::ALL.iter();
    outcomes
        .map(|outcome| Choice { value: outcome.to_string(), name: text::outcome(locale, *outcome).to_owned() })
        .collect()
}

/// Ranges that begin some time ago and go on.
fn presets(locale: Locale, query: Memo<RequestQuery>, choices: StoredValue<FilterChoices>) -> impl IntoView {
    let [hour, day, week, month] = choices.with_value(|choices| choices.ago.clone());
    let links = [
        (td_string!(locale, requests.last_hour), Some(hour)),
        (td_string!(locale, requests.last_day), Some(day)),
        (td_string!(locale, requests.last_week), Some(week)),
        (td_string!(locale, requests.last_month), Some(month)),
        (td_string!(locale, requests.all_time), None),
    ]
    .map(|(label, from)| {
        let is_current = {
            let from = from.clone();
            move || query.with(|query| query.to.is_none() && query.from == from).then_some("true")
        };
        let href = move || {
            query.with(|query| {
                let mut wanted = Filter::To.without(query);
                Filter::From.set(&mut wanted, from.clone());
                filter::page_path(&wanted, None)
            })
        };
        view! {
            <li>
                <a href=href aria-current=is_current class="btn btn-ghost btn-xs aria-[current=true]:btn-active">
                    {label}
                </a>
            </li>
        }
    })
    .collect_view();
    let zone = choices.with_value(|choices| choices.time_zone.clone());
    view! {
        <div class="flex flex-wrap items-center gap-x-3 gap-y-1">
            <ul class="flex flex-wrap gap-1" aria-label=td_string!(locale, requests.presets)>
                {links}
            </ul>
            <span class="quiet text-xs">{td_string!(locale, requests.times_in, zone = zone)}</span>
        </div>
    }
}

/// What is filtered, each with a link that takes it away.
fn chips(locale: Locale, query: &RequestQuery, choices: &FilterChoices) -> AnyView {
    let chips: Vec<AnyView> = Filter::ALL
        .into_iter()
        .filter_map(|filter| {
            let value = filter.of(query)?;
            let known = match filter {
                Filter::Server => servers(choices),
                Filter::Key => keys(choices),
                Filter::Outcome => outcomes(locale),
                Filter::From | Filter::To | Filter::App | Filter::Model | Filter::Id => Vec::new(),
            };
            let name = known.into_iter().find(|choice| choice.is(value)).map_or_else(|| value.to_owned(), |choice| choice.name);
            let name = if name == "none" { td_string!(locale, requests.none).to_owned() } else { name };
            let label = text::filter(locale, filter);
            let remove = td_string!(locale, requests.remove_filter, filter = label);
            Some(
                view! {
                    <li class="flex max-w-full items-center gap-1 rounded-full border border-base-300 bg-base-100 py-0.5 pr-1 pl-3 text-sm">
                        <span class="min-w-0 truncate">
                            <span class="quiet">{label} ": "</span>
                            {name}
                        </span>
                        <a
                            href=filter::page_path(&filter.without(query), None)
                            class="btn btn-ghost btn-circle btn-xs"
                            aria-label=remove.clone()
                            title=remove
                        >
                            <span aria-hidden="true">"×"</span>
                        </a>
                    </li>
                }
                .into_any(),
            )
        })
        .collect();
    if chips.is_empty() {
        return ().into_any();
    }
    view! {
        <ul class="mb-4 flex flex-wrap gap-2" aria-label=td_string!(locale, requests.active_filters)>
            {chips}
        </ul>
    }
    .into_any()
}
