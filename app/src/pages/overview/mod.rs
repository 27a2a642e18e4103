//! The first page: how far the installation is, what went through in a range, its servers, and the newest requests.

mod figures;
mod servers;
mod start;
mod top;

use leptos::prelude::*;
use leptos_router::hooks::use_query;
use sluice::model::Overview;

use self::figures::KeyFigures;
use self::servers::Servers;
use self::start::GettingStarted;
use self::top::Tops;
use super::usage::preset_name;
use crate::components::{PageHeader, RequestTable};
use crate::format::number_text;
use crate::layout::loaded;
use crate::preferences::use_locale;
use crate::server_fns::overview::{OverviewPage as Data, get_overview};
use crate::translations::{Locale, td_string};
use crate::usage::{Preset, UsageFilters};

/// Where this page is.
const PATH: &str = "/";
/// The spans of time that it can show.
const PRESETS: [Preset; 5] = [Preset::Today, Preset::Hours24, Preset::Days7, Preset::Days30, Preset::ThisMonth];

/// What stands for the key in a ready call while there is none to show.
pub(super) const KEY_PLACEHOLDER: &str = "YOUR_KEY";
/// What stands for the model while no server has one.
pub(super) const MODEL_PLACEHOLDER: &str = "MODEL";
/// The app in a ready call.
pub(super) const EXAMPLE_APP: &str = "my-app";

/// The first page.
#[component]
pub(crate) fn OverviewPage() -> impl IntoView {
    let locale = use_locale();
    let query = use_query::<UsageFilters>();
    let filters = Memo::new(move |_| {
        let preset = query.get().ok().and_then(|filters| filters.preset(Preset::Hours24));
        UsageFilters::default().in_range(preset.filter(|preset| PRESETS.contains(preset)).unwrap_or(Preset::Hours24))
    });
    let data = Resource::new(move || filters.get(), get_overview);
    view! {
        <PageHeader title=td_string!(locale, overview.title) subtitle=td_string!(locale, overview.subtitle) />
        {loaded(data, move |data| show(locale, data, filters))}
    }
    .into_any()
}

fn show(locale: Locale, data: Data, filters: Memo<UsageFilters>) -> impl IntoView {
    let Data { overview, latest, call, servers, figures, limits, now_ms } = data;
    let checklist = (!overview.has_requests).then(|| view! { <GettingStarted overview call /> });
    let (range, figures, tops) = match figures {
        Some(figures) => {
            let tops = (figures.now.requests > 0).then(|| view! { <Tops figures=figures.clone() /> });
            let bounds = (figures.from_bound.clone(), figures.to_bound.clone());
            (Some(bounds), Some(view! { <Ranges filters /> <KeyFigures figures /> }), tops)
        }
        None => (None, None, None),
    };
    let latest = (!latest.rows.is_empty()).then(|| {
        view! {
            <section class="mt-8" aria-labelledby="latest">
                <div class="mb-3 flex items-baseline justify-between gap-4">
                    <h2 id="latest" class="text-lg font-semibold">
                        {td_string!(locale, overview.latest)}
                    </h2>
                    <a href="/requests" class="link link-primary">
                        {td_string!(locale, overview.all_requests)}
                    </a>
                </div>
                <RequestTable rows=latest.rows />
            </section>
        }
    });
    let servers = (!servers.is_empty()).then(|| view! { <Servers servers limits now_ms range /> });
    view! {
        {checklist}
        {figures}
        {servers}
        {tops}
        {latest}
        <Installation overview />
    }
    .into_any()
}

/// The spans of time that can be looked at.
#[component]
fn Ranges(
    /// Which one is.
    filters: Memo<UsageFilters>,
) -> impl IntoView {
    let locale = use_locale();
    let links = PRESETS
        .into_iter()
        .map(|preset| {
            let chosen = move || filters.with(|filters| filters.preset(Preset::Hours24) == Some(preset));
            view! {
                <a
                    href=UsageFilters::default().in_range(preset).address(PATH)
                    class="choice"
                    aria-current=move || chosen().then_some("true")
                >
                    {preset_name(locale, preset)}
                </a>
            }
        })
        .collect_view();
    view! {
        <nav class="mb-3 flex flex-wrap gap-1.5" aria-label=td_string!(locale, overview.range_label)>
            {links}
        </nav>
    }
    .into_any()
}

/// What is set up here.
#[component]
fn Installation(
    /// Where they come from.
    overview: Overview,
) -> impl IntoView {
    let locale = use_locale();
    let enabled = td_string!(locale, overview.servers_detail, enabled = overview.servers_enabled);
    let cards = [
        ("/servers", td_string!(locale, overview.servers), overview.servers, enabled),
        (
            "/servers",
            td_string!(locale, overview.models),
            overview.models,
            td_string!(locale, overview.models_detail).to_owned(),
        ),
        (
            "/apps",
            td_string!(locale, overview.apps),
            overview.apps,
            td_string!(locale, overview.apps_detail).to_owned(),
        ),
        (
            "/keys",
            td_string!(locale, overview.keys),
            overview.active_keys,
            td_string!(locale, overview.keys_detail).to_owned(),
        ),
    ];
    let cards = cards
        .into_iter()
        .map(|(href, label, number, detail)| {
            view! {
                <li>
                    <a href=href class="panel block px-5 py-4 hover:border-primary/60">
                        <span class="quiet text-sm">{label}</span>
                        <span class="block text-3xl font-semibold tracking-tight tabular-nums">
                            {number_text(i64::from(number))}
                        </span>
                        <span class="quiet text-sm">{detail}</span>
                    </a>
                </li>
            }
        })
        .collect_view();
    view! {
        <section class="mt-8" aria-labelledby="installation">
            <h2 id="installation" class="mb-3 text-lg font-semibold">
                {td_string!(locale, overview.installation)}
            </h2>
            <ul class="grid grid-cols-2 gap-3 lg:grid-cols-4 lg:gap-4">{cards}</ul>
        </section>
    }
    .into_any()
}
