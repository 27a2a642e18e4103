//! Changing a key.

use leptos::prelude::*;
use leptos_router::hooks::use_params;
use sluice::model::{KeyId, KeyView};

use super::form::{KeyFields, field_labels};
use crate::UiError;
use crate::components::{BudgetBars, FormProblems, PageHeader, ProblemSummary};
use crate::layout::loaded;
use crate::preferences::use_locale;
use crate::query::IdParams;
use crate::server_fns::keys::{KeyChoices, UpdateKey, get_key, get_key_choices};
use crate::translations::{Locale, td_string};

/// Changing a key: its name, its app, its models and its end. The key itself stays.
#[component]
pub(crate) fn KeyEditPage() -> impl IntoView {
    let locale = use_locale();
    let params = use_params::<IdParams>();
    let id = move || KeyId(params.get().ok().and_then(|params| params.id).unwrap_or_default());
    let data = Resource::new(id, key_and_choices);
    view! {
        <PageHeader title=td_string!(locale, keys.edit_title) />
        {loaded(data, move |(key, choices)| show(locale, key, choices))}
    }
}

async fn key_and_choices(id: KeyId) -> Result<(KeyView, KeyChoices), UiError> {
    Ok((get_key(id).await?, get_key_choices().await?))
}

fn show(locale: Locale, key: KeyView, choices: KeyChoices) -> impl IntoView {
    let update = ServerAction::<UpdateKey>::new();
    let problems = FormProblems::follow(move || update.value().get());
    view! {
        <ProblemSummary problems fields=field_labels(locale) />
        <BudgetBars budgets=key.budgets.clone() />
        <ActionForm action=update attr:class="grid max-w-3xl gap-6" attr:novalidate="">
            <KeyFields key=Some(key) choices problems />
            <div class="flex flex-wrap gap-2">
                <button type="submit" class="btn btn-primary" disabled=move || update.pending().get()>
                    {td_string!(locale, common.save)}
                </button>
                <a href="/keys" class="btn btn-ghost">
                    {td_string!(locale, common.cancel)}
                </a>
            </div>
        </ActionForm>
    }
}
