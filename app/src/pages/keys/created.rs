//! A key at the only moment when it can be seen.

use leptos::prelude::*;
use sluice::model::CreatedKey;

use crate::browser;
use crate::components::{CopyButton, PageHeader, ReadyCalls};
use crate::pages::overview::{EXAMPLE_APP, MODEL_PLACEHOLDER};
use crate::preferences::use_locale;
use crate::snippet::ExampleCall;
use crate::translations::td_string;

/// A key at the only moment when it can be seen.
#[component]
pub(super) fn Created(
    /// The key.
    created: CreatedKey,
    /// Scheme, host and port of the gateway.
    origin: String,
    /// A model that it can be tried with.
    model: Option<String>,
) -> impl IntoView {
    let locale = use_locale();
    let call = ExampleCall {
        origin,
        key: created.key.clone(),
        model: model.unwrap_or_else(|| MODEL_PLACEHOLDER.to_owned()),
        app_name: created.view.app_id.is_none().then(|| EXAMPLE_APP.to_owned()),
    };
    // The form went away with the focus in it.
    Effect::new(|| browser::focus("issued-key"));
    view! {
        <PageHeader title=td_string!(locale, keys.created_title) subtitle=created.view.name.clone() />
        <div class="grid max-w-3xl gap-6">
            <section class="panel border-primary/50 p-5 sm:p-6">
                <p role="status" class="mb-4 font-medium">
                    {td_string!(locale, keys.created_text)}
                </p>
                <label for="issued-key" class="mb-1 block font-medium">
                    {td_string!(locale, keys.your_key)}
                </label>
                <div class="flex flex-wrap gap-2">
                    <input
                        id="issued-key"
                        type="text"
                        readonly
                        autocomplete="off"
                        spellcheck="false"
                        class="input w-full min-w-0 flex-1 basis-64 font-mono text-sm"
                        value=created.key.clone()
                    />
                    <CopyButton text=created.key label=td_string!(locale, keys.copy_key) target="issued-key" />
                </div>
            </section>
            <section aria-labelledby="try-it">
                <h2 id="try-it" class="mb-3 text-lg font-semibold">
                    {td_string!(locale, keys.try_it)}
                </h2>
                <ReadyCalls call />
            </section>
            <div>
                <a href="/keys" class="btn btn-primary">
                    {td_string!(locale, keys.done)}
                </a>
            </div>
        </div>
    }
    .into_any()
}
