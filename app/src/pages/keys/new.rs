//! Creating a key.

use leptos::prelude::*;
use sluice::model::CreatedKey;

use super::created::Created;
use super::form::{KeyFields, field_labels};
use crate::components::{FormProblems, PageHeader, ProblemSummary};
use crate::layout::loaded;
use crate::preferences::use_locale;
use crate::server_fns::keys::{CreateKey, KeyChoices, get_key_choices};
use crate::translations::{Locale, td_string};

/// Creating a key; afterwards the key itself, once.
#[component]
pub(crate) fn KeyNewPage() -> impl IntoView {
    let locale = use_locale();
    let create = ServerAction::<CreateKey>::new();
    let choices = Resource::new(|| (), |()| get_key_choices());
    let created = Signal::derive(move || create.value().get().and_then(Result::ok));
    view! {
        {loaded(choices, move |choices| {
            move || match created.get() {
                Some(created) => result(&choices, created).into_any(),
                None => form(locale, choices.clone(), create).into_any(),
            }
        })}
    }
}

fn result(choices: &KeyChoices, created: CreatedKey) -> impl IntoView + use<> {
    // A key that is limited to models can only be tried with one of them.
    let model = created.view.models.first().or(choices.example_model.as_ref()).cloned();
    view! { <Created created origin=choices.origin.clone() model /> }
}

fn form(locale: Locale, choices: KeyChoices, create: ServerAction<CreateKey>) -> impl IntoView {
    let problems = FormProblems::follow(move || create.value().get());
    // Without JavaScript the answer, and with it the key, would be lost: the button waits for the script.
    let ready = RwSignal::new(false);
    Effect::new(move || ready.set(true));
    view! {
        <PageHeader title=td_string!(locale, keys.new_title) subtitle=td_string!(locale, keys.new_subtitle) />
        <noscript>
            <p class="panel mb-4 px-4 py-3 font-medium">{td_string!(locale, keys.needs_script)}</p>
        </noscript>
        <ProblemSummary problems fields=field_labels(locale) />
        <ActionForm action=create attr:class="grid max-w-3xl gap-6" attr:novalidate="">
            <KeyFields key=None choices problems />
            <div class="flex flex-wrap gap-2">
                <button
                    type="submit"
                    class="btn btn-primary"
                    disabled=move || !ready.get() || create.pending().get()
                >
                    {td_string!(locale, keys.create)}
                </button>
                <a href="/keys" class="btn btn-ghost">
                    {td_string!(locale, common.cancel)}
                </a>
            </div>
        </ActionForm>
    }
}
