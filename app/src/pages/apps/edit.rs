//! The limits and the budgets of one app.

use leptos::prelude::*;
use leptos_meta::Title;
use leptos_router::hooks::use_params;
use sluice::model::{AppId, AppView};

use crate::components::{
    BudgetBars, BudgetFields, FormProblems, LimitFields, PageHeader, ProblemSummary, budget_labels, limit_labels,
};
use crate::layout::loaded;
use crate::preferences::use_locale;
use crate::query::IdParams;
use crate::server_fns::apps::{SetAppLimits, get_app};
use crate::translations::{Locale, td_string};

/// The limits of one app.
#[component]
pub(crate) fn AppEditPage() -> impl IntoView {
    let locale = use_locale();
    let params = use_params::<IdParams>();
    // An address without a number leads to no app; the server function says so.
    let id = move || AppId(params.get().ok().and_then(|params| params.id).unwrap_or_default());
    let app = Resource::new(id, get_app);
    view! {
        // Until there is a name, and if there is none.
        <Title text=td_string!(locale, apps.title) />
        {loaded(app, move |app| show(locale, app))}
    }
}

fn show(locale: Locale, app: AppView) -> impl IntoView {
    let save = ServerAction::<SetAppLimits>::new();
    let problems = FormProblems::follow(move || save.value().get());
    let mut labels = limit_labels(locale).to_vec();
    labels.extend(budget_labels(locale));
    view! {
        <PageHeader
            title=td_string!(locale, apps.edit_title, name = app.name)
            subtitle=td_string!(locale, apps.edit_subtitle)
        />
        <ProblemSummary problems fields=labels />
        <BudgetBars budgets=app.budgets.clone() />
        <ActionForm action=save attr:class="grid max-w-3xl gap-6" attr:novalidate="">
            <input type="hidden" name="id" value=app.id.to_string() />
            <fieldset class="panel grid gap-5 p-5 sm:p-6">
                <legend class="sr-only">{td_string!(locale, limits.section)}</legend>
                <p class="quiet">{td_string!(locale, limits.section_hint)}</p>
                <LimitFields prefix="limits" limits=app.limits problems />
            </fieldset>
            <fieldset id="field-budgets" tabindex="-1" class="panel grid gap-5 p-5 sm:p-6">
                <legend class="sr-only">{td_string!(locale, budgets.title)}</legend>
                <div>
                    <h2 class="text-lg font-semibold" aria-hidden="true">
                        {td_string!(locale, budgets.title)}
                    </h2>
                    <p class="quiet">{td_string!(locale, budgets.hint)}</p>
                </div>
                <BudgetFields prefix="budgets" budgets=app.budgets problems />
            </fieldset>
            <div class="flex flex-wrap gap-2">
                <button type="submit" class="btn btn-primary" disabled=move || save.pending().get()>
                    {td_string!(locale, common.save)}
                </button>
                <a href="/apps" class="btn btn-ghost">
                    {td_string!(locale, common.cancel)}
                </a>
            </div>
        </ActionForm>
    }
    .into_any()
}
