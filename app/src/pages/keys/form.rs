//! The fields of a key, the same for a new one and an existing one.

use leptos::prelude::*;
use sluice::model::{AppView, KeyView, Priority};

use crate::components::{
    AreaField, BudgetFields, FormProblems, LimitFields, SelectField, TextField, budget_labels, limit_labels,
};
use crate::format::utc_day;
use crate::preferences::use_locale;
use crate::server_fns::keys::KeyChoices;
use crate::text;
use crate::translations::{Locale, td_string};

/// The fields of a key.
#[component]
pub(super) fn KeyFields(
    /// The key as it is; none for a new one.
    key: Option<KeyView>,
    /// What can be chosen.
    choices: KeyChoices,
    /// What is wrong with the fields.
    problems: FormProblems,
) -> impl IntoView {
    let locale = use_locale();
    let key = key.as_ref();
    let id = key.map(|key| key.id.to_string()).unwrap_or_default();
    let name = key.map(|key| key.name.clone()).unwrap_or_default();
    let limited_to = key.map(|key| key.models.clone()).unwrap_or_default();
    let expires = key.and_then(|key| key.expires_at_ms).map(utc_day).unwrap_or_default();
    let app_id = key.and_then(|key| key.app_id);
    let limits = key.map(|key| key.limits).unwrap_or_default();
    let budgets = key.map(|key| key.budgets.clone()).unwrap_or_default();
    let priority = key.map(|key| key.priority).unwrap_or_default();
    let priorities = Priority::ALL.iter().map(|value| (value.as_str(), text::priority(locale, *value))).collect();
    let app_problem = problems.of("app_id");
    let apps = choices.apps.into_iter().map(|app| app_option(&app, Some(app.id) == app_id)).collect_view();
    view! {
        <input type="hidden" name="form[id]" value=id />
        <div class="panel grid gap-5 p-5 sm:p-6">
            <TextField
                field="name"
                name="form[name]"
                label=td_string!(locale, keys.name)
                hint=td_string!(locale, keys.name_hint)
                value=name
                problem=problems.of("name")
                required=true
            />
            <div class="min-w-0">
                <label for="field-app_id" class="mb-1 block font-medium">
                    {td_string!(locale, keys.app)}
                </label>
                <select
                    id="field-app_id"
                    name="form[app_id]"
                    class="select w-full"
                    autocomplete="off"
                    aria-describedby="field-app_id-hint"
                    aria-invalid=move || app_problem.with(Option::is_some).then_some("true")
                >
                    <option value="" selected=app_id.is_none()>
                        {td_string!(locale, keys.app_any)}
                    </option>
                    {apps}
                </select>
                {move || app_problem.get().map(|text| view! { <p class="mt-1 text-sm font-medium text-error">{text}</p> })}
                <p id="field-app_id-hint" class="quiet mt-1 text-sm">
                    {td_string!(locale, keys.app_hint)}
                </p>
            </div>
            <TextField
                field="expires_at_ms"
                name="form[expires]"
                kind="date"
                label=td_string!(locale, keys.expires_label)
                hint=td_string!(locale, keys.expires_hint)
                value=expires
                problem=problems.of("expires_at_ms")
                optional=true
            />
        </div>
        <div class="panel grid gap-5 p-5 sm:p-6">
            <ModelChoices models=choices.models limited_to problems />
        </div>
        <fieldset class="panel grid gap-5 p-5 sm:p-6">
            <legend class="sr-only">{td_string!(locale, keys.section_limits)}</legend>
            <div>
                <h2 class="text-lg font-semibold" aria-hidden="true">
                    {td_string!(locale, keys.section_limits)}
                </h2>
                <p class="quiet">{td_string!(locale, limits.section_hint)}</p>
            </div>
            <LimitFields prefix="form[limits]" limits problems />
            <SelectField
                field="priority"
                name="form[priority]"
                label=td_string!(locale, keys.priority)
                hint=td_string!(locale, keys.priority_hint)
                options=priorities
                chosen=priority.as_str()
                problem=problems.of("priority")
            />
        </fieldset>
        <fieldset id="field-budgets" tabindex="-1" class="panel grid gap-5 p-5 sm:p-6">
            <legend class="sr-only">{td_string!(locale, budgets.title)}</legend>
            <div>
                <h2 class="text-lg font-semibold" aria-hidden="true">
                    {td_string!(locale, budgets.title)}
                </h2>
                <p class="quiet">{td_string!(locale, budgets.hint)}</p>
            </div>
            <BudgetFields prefix="form[budgets]" budgets problems />
        </fieldset>
    }
    .into_any()
}

fn app_option(app: &AppView, selected: bool) -> impl IntoView + use<> {
    view! {
        <option value=app.id.to_string() selected=selected>
            {app.name.clone()}
        </option>
    }
    .into_any()
}

/// The models that a key is limited to: those that servers have as boxes, others as text.
#[component]
fn ModelChoices(
    /// Every public model name.
    models: Vec<String>,
    /// Those that the key is limited to.
    limited_to: Vec<String>,
    /// What is wrong with the fields.
    problems: FormProblems,
) -> impl IntoView {
    let locale = use_locale();
    let others: Vec<&str> =
        limited_to.iter().map(String::as_str).filter(|name| !models.iter().any(|model| model == name)).collect();
    let others = others.join("\n");
    let empty = models.is_empty().then(|| view! { <p class="quiet">{td_string!(locale, keys.models_empty)}</p> });
    let boxes = models
        .into_iter()
        .map(|model| {
            let checked = limited_to.contains(&model);
            view! {
                <label class="flex min-w-0 items-center gap-2.5 py-1">
                    <input
                        type="checkbox"
                        name="form[models][]"
                        value=model.clone()
                        checked=checked
                        autocomplete="off"
                        class="checkbox checkbox-primary checkbox-sm"
                    />
                    <span class="font-mono text-sm break-all">{model}</span>
                </label>
            }
        })
        .collect_view();
    view! {
        <fieldset class="min-w-0">
            <legend class="font-medium">{td_string!(locale, keys.models_legend)}</legend>
            <p class="quiet mb-2 text-sm">{td_string!(locale, keys.models_hint)}</p>
            {empty}
            <div class="grid max-h-72 gap-x-6 overflow-y-auto sm:grid-cols-2">{boxes}</div>
        </fieldset>
        <AreaField
            field="models"
            name="form[more_models]"
            label=td_string!(locale, keys.more_models)
            hint=td_string!(locale, keys.more_models_hint)
            value=others
            rows="3"
            problem=problems.of("models")
            optional=true
        />
    }
    .into_any()
}

/// What the summary calls each field.
pub(super) fn field_labels(locale: Locale) -> Vec<(&'static str, &'static str)> {
    let mut labels = vec![
        ("name", td_string!(locale, keys.name)),
        ("app_id", td_string!(locale, keys.app)),
        ("models", td_string!(locale, keys.models)),
        ("expires_at_ms", td_string!(locale, keys.expires_label)),
        ("priority", td_string!(locale, keys.priority)),
    ];
    labels.extend(limit_labels(locale));
    labels.extend(budget_labels(locale));
    labels
}
