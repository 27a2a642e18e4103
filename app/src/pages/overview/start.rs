//! Three steps from an empty gateway to the first answer.

use leptos::prelude::*;
use sluice::model::{AccessPolicy, Overview};

use super::{EXAMPLE_APP, KEY_PLACEHOLDER, MODEL_PLACEHOLDER};
use crate::components::{Glyph, Icon, ReadyCalls};
use crate::preferences::use_locale;
use crate::server_fns::overview::CallTarget;
use crate::snippet::ExampleCall;
use crate::translations::td_string;

/// Three steps from an empty gateway to the first answer.
#[component]
pub(super) fn GettingStarted(
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
