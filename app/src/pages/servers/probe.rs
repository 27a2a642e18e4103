//! Trying an upstream out with what is typed and not yet saved.

use leptos::prelude::*;
use sluice::model::ProbeReport;

use crate::UiError;
use crate::browser;
use crate::components::FormProblems;
use crate::forms::{ProbeForm, add_missing_models};
use crate::preferences::use_locale;
use crate::server_fns::servers::ProbeServer;
use crate::text;
use crate::translations::td_string;

/// What the answer is wanted for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Purpose {
    /// To see whether it works.
    Test,
    /// To fill the list of models.
    Fetch,
}

/// The buttons that ask the upstream, and what came of it.
#[component]
pub(super) fn ProbeButtons(
    /// Id of the server that is being edited; empty for a new one.
    server_id: String,
    /// What asks.
    probe: ServerAction<ProbeServer>,
) -> impl IntoView {
    let locale = use_locale();
    let purpose = RwSignal::new(Purpose::Test);
    let ask = move |wanted: Purpose| {
        purpose.set(wanted);
        probe.dispatch(ProbeServer { form: typed(server_id.clone()) });
    };
    let (test, fetch) = (ask.clone(), ask);
    let pending = probe.pending();
    view! {
        <div class="flex flex-wrap items-center gap-2">
            <button type="button" class="btn" on:click=move |_| test(Purpose::Test) disabled=move || pending.get()>
                {td_string!(locale, servers.test)}
            </button>
            <button type="button" class="btn" on:click=move |_| fetch(Purpose::Fetch) disabled=move || pending.get()>
                {td_string!(locale, servers.fetch)}
            </button>
        </div>
        <Answer probe purpose />
    }
    .into_any()
}

/// What is in the form right now.
fn typed(id: String) -> ProbeForm {
    ProbeForm {
        id,
        provider: browser::value("field-provider"),
        base_url: browser::value("field-base_url"),
        api_key: browser::value("field-api_key"),
    }
}

/// What came of asking, and in case of "Fetch models" the models in the list.
#[component]
fn Answer(
    /// What asked.
    probe: ServerAction<ProbeServer>,
    /// What for.
    purpose: RwSignal<Purpose>,
) -> impl IntoView {
    let locale = use_locale();
    let added = RwSignal::new(None::<u32>);
    Effect::new(move || {
        let count = match probe.value().get() {
            Some(Ok(ProbeReport { outcome: Ok(models), .. })) if purpose.get_untracked() == Purpose::Fetch => {
                let (text, count) = add_missing_models(&browser::value("field-models"), &models);
                browser::set_area_value("field-models", &text);
                Some(count)
            }
            _ => None,
        };
        added.set(count);
    });
    let content = move || {
        if probe.pending().get() {
            return Some(view! { <p class="quiet">{td_string!(locale, servers.asking)}</p> }.into_any());
        }
        let answer = probe.value().get()?;
        let (good, words) = describe(locale, &answer);
        let class = if good { "font-medium text-success" } else { "font-medium text-error" };
        let added = move || added.get().map(|count| view! { <p class="mt-1">{text::models_added(locale, count)}</p> });
        Some(view! { <p class=class>{words}</p> {added} }.into_any())
    };
    view! {
        <div role="status" aria-live="polite" class="min-h-6">
            {content}
        </div>
    }
    .into_any()
}

/// Whether the upstream answered, and the plain words for it.
fn describe(locale: crate::translations::Locale, answer: &Result<ProbeReport, UiError>) -> (bool, String) {
    match answer {
        Ok(report) => (report.outcome.is_ok(), text::probe(locale, report)),
        Err(error) => (false, text::error(locale, error)),
    }
}

/// What is wrong with the fields that asking needs.
pub(super) fn probe_problems(probe: ServerAction<ProbeServer>) -> FormProblems {
    FormProblems::follow(move || probe.value().get())
}
