//! Usage in charts and sums: what is chosen stands in the address, so that it can be kept and sent to somebody.

mod filters;
mod table;

use leptos::prelude::*;
use leptos_router::hooks::use_query;
use sluice::model::FieldProblem;

pub(super) use self::filters::preset_name;
use self::filters::{FilterForm, Measures, Presets};
use self::table::UsageTable;
use crate::components::{Chart, Empty, Glyph, Icon, Notice, PageHeader};
use crate::format::count_text;
use crate::layout::loaded;
use crate::preferences::use_locale;
use crate::server_fns::usage::{UsageAnswer, get_usage, get_usage_choices};
use crate::text;
use crate::translations::{Locale, td_string};
use crate::usage::{Measure, UsageFilters};

/// Where this page is.
const PATH: &str = "/usage";

/// Usage in charts and sums.
#[component]
pub(crate) fn UsagePage() -> impl IntoView {
    let locale = use_locale();
    let query = use_query::<UsageFilters>();
    let filters = Memo::new(move |_| query.get().unwrap_or_default());
    let choices = Resource::new(|| (), |()| get_usage_choices());
    let answer = Resource::new(move || filters.get(), get_usage);
    view! {
        <PageHeader title=td_string!(locale, usage_page.title) subtitle=td_string!(locale, usage_page.subtitle) />
        <Presets filters />
        {loaded(choices, move |choices| view! { <FilterForm filters choices /> })}
        <Measures filters />
        {loaded(
            answer,
            move |answer| match answer {
                Ok(answer) => show(locale, answer, filters.get_untracked()).into_any(),
                Err(problems) => view! { <Mistakes problems /> }.into_any(),
            },
        )}
    }
    .into_any()
}

fn show(locale: Locale, answer: UsageAnswer, filters: UsageFilters) -> impl IntoView {
    let range = td_string!(
        locale,
        usage_page.range,
        from = answer.from.clone(),
        to = answer.to.clone(),
        zone = answer.tz.clone()
    );
    let heading = view! {
        <div class="mb-4 flex flex-wrap items-center justify-between gap-x-6 gap-y-2">
            <p class="quiet tabular-nums" data-range>{range}</p>
            <a href=answer.csv_path.clone() download="" rel="external" class="btn btn-sm border-base-300 bg-base-100">
                <Icon glyph=Glyph::Download />
                {td_string!(locale, usage_page.export)}
            </a>
        </div>
    };
    if answer.total.requests == 0 {
        return view! {
            {heading}
            <Empty glyph=Glyph::Usage title=td_string!(locale, usage_page.empty_title) text=td_string!(locale, usage_page.empty_text) />
        }
        .into_any();
    }
    let notes = notes(locale, &answer);
    let charts = answer.charts.clone().into_iter().map(|view| view! { <Chart view /> }).collect_view();
    view! {
        {heading}
        {notes}
        {charts}
        <UsageTable answer filters />
    }
    .into_any()
}

/// What has to be known to read the numbers.
fn notes(locale: Locale, answer: &UsageAnswer) -> impl IntoView + use<> {
    let total = &answer.total;
    let unpriced = match total.unpriced {
        0 => None,
        1 => Some(td_string!(locale, usage_page.unpriced_one).to_owned()),
        count => Some(td_string!(locale, usage_page.unpriced_many, count = count_text(count))),
    };
    let estimated = match total.estimated {
        0 => None,
        1 => Some(td_string!(locale, usage_page.estimated_one).to_owned()),
        count => Some(td_string!(locale, usage_page.estimated_many, count = count_text(count))),
    };
    let no_cost = (answer.measure == Measure::Cost && answer.charts.is_empty())
        .then(|| td_string!(locale, usage_page.no_cost).to_owned());
    // Where costs are what is looked at, a cost that is missing is worth more than a line in small print.
    let (loud, unpriced) = if answer.measure == Measure::Cost { (unpriced, None) } else { (None, unpriced) };
    let loud = loud.map(|text| view! { <Notice text /> });
    let no_cost = no_cost.map(|text| view! { <p class="panel mb-4 px-5 py-4">{text}</p> });
    let quiet = [unpriced, estimated].into_iter().flatten().collect::<Vec<_>>().join(" ");
    let quiet = (!quiet.is_empty()).then(|| view! { <p class="quiet mb-3 text-sm" data-notes>{quiet}</p> });
    view! {
        {loud}
        {no_cost}
        {quiet}
    }
}

/// What is wrong with what was chosen.
#[component]
fn Mistakes(
    /// The problems.
    problems: Vec<FieldProblem>,
) -> impl IntoView {
    let locale = use_locale();
    let items = problems
        .into_iter()
        .map(|FieldProblem { field, problem }| {
            let name = filters::field_name(locale, &field);
            let what = text::problem(locale, &field, &problem);
            view! { <li>{name.map(|name| format!("{name}: "))} {what}</li> }
        })
        .collect_view();
    view! {
        <div role="alert" class="mb-4 flex items-start gap-3 rounded-box border border-error/40 bg-error/8 px-4 py-3">
            <span class="mt-0.5 text-error">
                <Icon glyph=Glyph::Warning />
            </span>
            <ul>{items}</ul>
        </div>
    }
    .into_any()
}
