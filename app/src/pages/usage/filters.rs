//! What can be chosen: links for the range and the measure, a form for the rest. Without JavaScript it is sent by its button;
//! with it, a choice from a list takes effect at once, and nothing is loaded anew but the numbers.

use jiff::civil::Date;
use leptos::prelude::*;
use leptos_router::components::Form;
use sluice::model::{Dimension, Granularity};

use super::PATH;
use crate::browser;
use crate::preferences::use_locale;
use crate::server_fns::usage::UsageChoices;
use crate::translations::{Locale, td_string};
use crate::usage::{Measure, Preset, UsageFilters};

/// The spans of time that have a name.
#[component]
pub(super) fn Presets(
    /// What is chosen.
    filters: Memo<UsageFilters>,
) -> impl IntoView {
    let locale = use_locale();
    let links = Preset::ALL
        .into_iter()
        .map(|preset| {
            let chosen = move || filters.with(|filters| filters.preset(Preset::Days7) == Some(preset));
            view! {
                <a
                    href=move || filters.with(|filters| filters.in_range(preset).address(PATH))
                    class="choice"
                    aria-current=move || chosen().then_some("true")
                >
                    {preset_name(locale, preset)}
                </a>
            }
        })
        .collect_view();
    view! {
        <nav class="mb-3 flex flex-wrap gap-1.5" aria-label=td_string!(locale, usage_page.presets)>
            {links}
        </nav>
    }
    .into_any()
}

/// What charts can show.
#[component]
pub(super) fn Measures(
    /// What is chosen.
    filters: Memo<UsageFilters>,
) -> impl IntoView {
    let locale = use_locale();
    let links = Measure::ALL
        .into_iter()
        .map(|measure| {
            let chosen = move || filters.with(|filters| filters.measure() == measure);
            view! {
                <a
                    href=move || filters.with(|filters| filters.measuring(measure).address(PATH))
                    class="choice"
                    aria-current=move || chosen().then_some("true")
                >
                    {measure_name(locale, measure)}
                </a>
            }
        })
        .collect_view();
    view! {
        <nav class="mb-3 flex flex-wrap gap-1.5" aria-label=td_string!(locale, usage_page.measure)>
            {links}
        </nav>
    }
    .into_any()
}

/// The form with everything else.
#[component]
pub(super) fn FilterForm(
    /// What is chosen.
    filters: Memo<UsageFilters>,
    /// What can be chosen.
    choices: UsageChoices,
) -> impl IntoView {
    let locale = use_locale();
    let all = || (String::new(), td_string!(locale, usage_page.all).to_owned());
    let numbered = |id: String, name: String| (id, name);
    let servers = std::iter::once(all())
        .chain(choices.servers.into_iter().map(|(id, name)| numbered(id.to_string(), name)))
        .collect::<Vec<_>>();
    let apps = std::iter::once(all())
        .chain(choices.apps.into_iter().map(|(id, name)| numbered(id.to_string(), name)))
        .collect::<Vec<_>>();
    let models =
        std::iter::once(all()).chain(choices.models.into_iter().map(|name| (name.clone(), name))).collect::<Vec<_>>();
    let granularities = std::iter::once((String::new(), td_string!(locale, usage_page.granularity_auto).to_owned()))
        .chain(
            [Granularity::Hour, Granularity::Day, Granularity::Month]
                .map(|value| (value.as_str().to_owned(), granularity_name(locale, value).to_owned())),
        )
        .collect::<Vec<_>>();
    let dimensions = std::iter::once((String::new(), td_string!(locale, usage_page.by_nothing).to_owned()))
        .chain(
            Dimension::ALL.iter().map(|value| (value.as_str().to_owned(), dimension_name(locale, *value).to_owned())),
        )
        .collect::<Vec<_>>();
    let zones = zones(locale, &choices.reporting_zone);
    let range = move || filters.with(|filters| filters.preset(Preset::Days7)).map(Preset::as_str);
    let measure = move || filters.with(UsageFilters::measure).as_str();
    view! {
        <Form action=PATH method="GET" noscroll=true attr:class="panel mb-4 p-4">
            <div
                class="grid grid-cols-2 gap-x-3 gap-y-3 sm:grid-cols-3 lg:grid-cols-4"
                on:change=move |event| browser::submit_form_of(&event)
            >
                <input type="hidden" name="range" value=range prop:value=move || range().unwrap_or_default() />
                <input type="hidden" name="measure" value=measure prop:value=measure />
                <Choice name="by" label=td_string!(locale, usage_page.by) options=dimensions chosen=chosen(filters, |it| it.by.clone()) />
                <Choice
                    name="granularity"
                    label=td_string!(locale, usage_page.granularity)
                    options=granularities
                    chosen=chosen(filters, |it| it.granularity.clone())
                />
                <Choice name="server" label=td_string!(locale, usage_page.server) options=servers chosen=chosen(filters, |it| it.server.clone()) />
                <Choice name="app" label=td_string!(locale, usage_page.app) options=apps chosen=chosen(filters, |it| it.app.clone()) />
                <Choice name="model" label=td_string!(locale, usage_page.model) options=models chosen=chosen(filters, |it| it.model.clone()) />
                <Zone options=zones chosen=chosen(filters, |it| it.tz.clone()) />
                <Bound name="from" label=td_string!(locale, usage_page.from) value=chosen(filters, |it| it.from.clone()) />
                <Bound name="to" label=td_string!(locale, usage_page.to) value=chosen(filters, |it| it.to.clone()) />
            </div>
            <div class="mt-3 flex flex-wrap items-center gap-2">
                <button type="submit" class="btn btn-primary btn-sm">
                    {td_string!(locale, usage_page.apply)}
                </button>
                <a href=PATH class="btn btn-ghost btn-sm">
                    {td_string!(locale, usage_page.reset)}
                </a>
            </div>
        </Form>
    }
    .into_any()
}

/// What is chosen of one kind; empty for nothing.
fn chosen(filters: Memo<UsageFilters>, get: fn(&UsageFilters) -> Option<String>) -> Memo<String> {
    Memo::new(move |_| filters.with(get).map(|text| text.trim().to_owned()).unwrap_or_default())
}

/// The time zones that are offered without typing: the reporting zone, and UTC.
fn zones(locale: Locale, reporting_zone: &str) -> Vec<(String, String)> {
    let reporting = td_string!(locale, usage_page.reporting_zone, zone = reporting_zone.to_owned());
    let mut zones = vec![(String::new(), reporting)];
    if reporting_zone != "UTC" {
        zones.push(("UTC".to_owned(), "UTC".to_owned()));
    }
    zones
}

/// The time zone: those that are known here, and the browser's once the page answers to events.
#[component]
fn Zone(
    /// Values and names.
    options: Vec<(String, String)>,
    /// The chosen value.
    chosen: Memo<String>,
) -> impl IntoView {
    let locale = use_locale();
    let known = options.iter().any(|(value, name)| value == "UTC" || name.contains("UTC"));
    let browser_zone = RwSignal::new(None::<String>);
    Effect::new(move || {
        let zone = browser::time_zone().filter(|zone| !(known && zone == "UTC"));
        browser_zone.set(zone.filter(|zone| chosen.with_untracked(|chosen| chosen != zone)));
    });
    let browsers = move || {
        browser_zone.get().map(|zone| {
            let name = td_string!(locale, usage_page.browser_zone, zone = zone.clone());
            view! { <option value=zone>{name}</option> }
        })
    };
    view! {
        <Choice name="tz" label=td_string!(locale, usage_page.zone) options chosen more=ViewFn::from(browsers) />
    }
    .into_any()
}

/// A list to choose from. What the address says is offered even if nobody else knows it.
#[component]
fn Choice(
    /// Its name in the address.
    name: &'static str,
    /// Its label.
    label: &'static str,
    /// Values and names.
    options: Vec<(String, String)>,
    /// The chosen value.
    chosen: Memo<String>,
    /// More of them, which come later.
    #[prop(optional, into)]
    more: Option<ViewFn>,
) -> impl IntoView {
    let id = format!("usage-{name}");
    let first = chosen.get_untracked();
    let unknown = (!options.iter().any(|(value, _)| *value == first)).then(|| (first.clone(), first.clone()));
    let options = options
        .into_iter()
        .chain(unknown)
        .map(|(value, name)| {
            let selected = value == first;
            view! {
                <option value=value selected=selected>
                    {name}
                </option>
            }
        })
        .collect_view();
    view! {
        <div class="min-w-0">
            <label for=id.clone() class="quiet mb-1 block text-sm">
                {label}
            </label>
            <select id=id name=name class="select select-sm w-full" autocomplete="off" prop:value=move || chosen.get()>
                {options}
                {more.map(|more| move || more.run())}
            </select>
        </div>
    }
    .into_any()
}

/// Where the range begins or ends: a date, or a time where a link named one.
#[component]
fn Bound(
    /// Its name in the address.
    name: &'static str,
    /// Its label.
    label: &'static str,
    /// What was entered.
    value: Memo<String>,
) -> impl IntoView {
    let id = format!("usage-{name}");
    // The picker of dates would hide a time, and what is no date at all.
    let is_date = move || value.with(|text| text.is_empty() || (text.len() == 10 && text.parse::<Date>().is_ok()));
    let kind = move || if is_date() { "date" } else { "text" };
    view! {
        <div class="min-w-0">
            <label for=id.clone() class="quiet mb-1 block text-sm">
                {label}
            </label>
            <input id=id name=name type=kind class="input input-sm w-full" autocomplete="off" value=move || value.get() prop:value=move || value.get() />
        </div>
    }
    .into_any()
}

/// What a field is called; none for one that cannot be seen.
pub(super) fn field_name(locale: Locale, field: &str) -> Option<&'static str> {
    match field {
        "from" => Some(td_string!(locale, usage_page.from)),
        "to" => Some(td_string!(locale, usage_page.to)),
        "tz" => Some(td_string!(locale, usage_page.zone)),
        "granularity" => Some(td_string!(locale, usage_page.granularity)),
        "group_by" => Some(td_string!(locale, usage_page.by)),
        "server" => Some(td_string!(locale, usage_page.server)),
        "app" => Some(td_string!(locale, usage_page.app)),
        "model" => Some(td_string!(locale, usage_page.model)),
        _ => None,
    }
}

/// What a span of time is called.
pub(in crate::pages) fn preset_name(locale: Locale, preset: Preset) -> &'static str {
    match preset {
        Preset::Today => td_string!(locale, usage_page.today),
        Preset::Hours24 => td_string!(locale, usage_page.hours_24),
        Preset::Days7 => td_string!(locale, usage_page.days_7),
        Preset::Days30 => td_string!(locale, usage_page.days_30),
        Preset::ThisMonth => td_string!(locale, usage_page.this_month),
        Preset::LastMonth => td_string!(locale, usage_page.last_month),
        Preset::Days90 => td_string!(locale, usage_page.days_90),
    }
}

fn measure_name(locale: Locale, measure: Measure) -> &'static str {
    match measure {
        Measure::Requests => td_string!(locale, usage_page.measure_requests),
        Measure::Tokens => td_string!(locale, usage_page.measure_tokens),
        Measure::Cost => td_string!(locale, usage_page.measure_cost),
        Measure::Latency => td_string!(locale, usage_page.measure_latency),
    }
}

fn granularity_name(locale: Locale, granularity: Granularity) -> &'static str {
    match granularity {
        Granularity::Total => td_string!(locale, usage_page.granularity_total),
        Granularity::Hour => td_string!(locale, usage_page.granularity_hour),
        Granularity::Day => td_string!(locale, usage_page.granularity_day),
        Granularity::Month => td_string!(locale, usage_page.granularity_month),
    }
}

/// What a dimension is called.
pub(super) fn dimension_name(locale: Locale, dimension: Dimension) -> &'static str {
    match dimension {
        Dimension::Server => td_string!(locale, usage_page.server),
        Dimension::App => td_string!(locale, usage_page.app),
        Dimension::Key => td_string!(locale, usage_page.key),
        Dimension::Model => td_string!(locale, usage_page.model),
        Dimension::Outcome => td_string!(locale, usage_page.outcome),
    }
}
