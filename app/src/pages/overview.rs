//! The first page: how far the installation is, its numbers, and the newest requests.

use leptos::prelude::*;
use sluice::model::{AccessPolicy, Overview};

use super::queues::Queues;
use crate::components::{Glyph, Icon, PageHeader, ReadyCalls, RequestTable};
use crate::format::number_text;
use crate::layout::loaded;
use crate::preferences::use_locale;
use crate::server_fns::overview::{CallTarget, OverviewPage as Data, get_overview};
use crate::snippet::ExampleCall;
use crate::translations::{Locale, td_string};

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
    let data = Resource::new(|| (), |()| get_overview());
    view! {
        <PageHeader title=td_string!(locale, overview.title) subtitle=td_string!(locale, overview.subtitle) />
        {loaded(data, move |data| show(locale, data))}
    }
    .into_any()
}

fn show(locale: Locale, data: Data) -> impl IntoView {
    let Data { overview, latest, call, servers, limits, now_ms } = data;
    let has_servers = overview.servers > 0;
    let checklist = (!overview.has_requests).then(|| view! { <GettingStarted overview call /> });
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
    view! {
        {checklist}
        <Numbers overview />
        {has_servers.then(|| view! { <Queues servers limits now_ms /> })}
        {latest}
    }
    .into_any()
}

/// The numbers at a glance.
#[component]
fn Numbers(
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
        <section aria-label=td_string!(locale, overview.numbers)>
            <ul class="grid grid-cols-2 gap-3 lg:grid-cols-4 lg:gap-4">{cards}</ul>
        </section>
    }
    .into_any()
}

/// Three steps from an empty gateway to the first answer.
#[component]
fn GettingStarted(
    /// How far the installation is.
    overview: Overview,
    /// Where the ready call goes.
    call: CallTarget,
) -> impl IntoView {
    let locale = use_locale();
    let has_server = overview.servers_enabled > 0;
    let has_key = overview.active_keys > 0;
    let needs_key = overview.access_policy == AccessPolicy::Keys;
    let done = u8::from(has_server) + u8::from(has_key) + u8::from(overview.has_requests);
    let key_text = if needs_key {
        td_string!(locale, overview.step_key_text)
    } else {
        td_string!(locale, overview.step_key_text_open)
    };
    let call = ExampleCall {
        origin: call.origin,
        key: KEY_PLACEHOLDER.to_owned(),
        model: call.model.unwrap_or_else(|| MODEL_PLACEHOLDER.to_owned()),
        app_name: Some(EXAMPLE_APP.to_owned()),
    };
    view! {
        <section class="panel mb-8 p-5 sm:p-6" aria-labelledby="start">
            <div class="flex flex-wrap items-baseline justify-between gap-x-4">
                <h2 id="start" class="text-lg font-semibold">
                    {td_string!(locale, overview.start_title)}
                </h2>
                <p class="quiet">{td_string!(locale, overview.start_progress, done = done)}</p>
            </div>
            <ol class="mt-4 grid gap-5">
                <Step number=1 done=has_server title=td_string!(locale, overview.step_server) text=td_string!(locale, overview.step_server_text)>
                    {(!has_server)
                        .then(|| {
                            view! {
                                <a href="/servers/new" class="btn btn-primary btn-sm">
                                    {td_string!(locale, overview.step_server_link)}
                                </a>
                            }
                        })}
                </Step>
                <Step number=2 done=has_key title=td_string!(locale, overview.step_key) text=key_text>
                    {(!has_key)
                        .then(|| {
                            view! {
                                <a href="/keys/new" class="btn btn-sm" class:btn-primary=has_server>
                                    {td_string!(locale, overview.step_key_link)}
                                </a>
                            }
                        })}
                </Step>
                <Step
                    number=3
                    done=overview.has_requests
                    title=td_string!(locale, overview.step_call)
                    text=td_string!(locale, overview.step_call_text)
                >
                    <ReadyCalls call />
                </Step>
            </ol>
        </section>
    }
    .into_any()
}

/// One step of getting started.
#[component]
fn Step(
    /// Its number, from 1.
    number: u8,
    /// Whether it is done.
    done: bool,
    /// What to do.
    title: &'static str,
    /// What it is for.
    text: &'static str,
    /// How to do it.
    children: Children,
) -> impl IntoView {
    let locale = use_locale();
    let state = if done { td_string!(locale, overview.step_done) } else { td_string!(locale, overview.step_open) };
    let mark = if done {
        view! { <span class="grid size-7 place-items-center rounded-full bg-success/15 text-success"><Icon glyph=Glyph::Tick /></span> }
            .into_any()
    } else {
        view! { <span class="grid size-7 place-items-center rounded-full border border-base-300 text-sm font-semibold">{number}</span> }
            .into_any()
    };
    view! {
        <li class="grid grid-cols-[1.75rem_minmax(0,1fr)] gap-x-4">
            <span aria-hidden="true">{mark}</span>
            <div>
                <h3 class="font-medium">{title} <span class="sr-only">" (" {state} ")"</span></h3>
                <p class="quiet mb-3">{text}</p>
                {children()}
            </div>
        </li>
    }
    .into_any()
}
