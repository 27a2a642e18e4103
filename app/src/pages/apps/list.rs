//! The list of apps, and adding one.

use leptos::prelude::*;
use sluice::model::{AppView, BudgetLevel, Limits};

use crate::components::{
    Badge, BudgetFields, Confirm, Empty, FormProblems, Glyph, Icon, LimitFields, PageHeader, ProblemSummary, TextField,
    Tone, UtcTime, budget_labels, limit_labels,
};
use crate::layout::loaded;
use crate::preferences::use_locale;
use crate::query::Destination;
use crate::server_fns::apps::{CreateApp, DeleteApp, SetAppEnabled, list_apps};
use crate::text;
use crate::translations::{Locale, td_string};

/// The actions of a row.
#[derive(Clone, Copy)]
struct Actions {
    set_enabled: ServerAction<SetAppEnabled>,
    delete: ServerAction<DeleteApp>,
}

/// Apps.
#[component]
pub(crate) fn AppsPage() -> impl IntoView {
    let locale = use_locale();
    let create = ServerAction::<CreateApp>::new();
    let actions = Actions { set_enabled: ServerAction::new(), delete: ServerAction::new() };
    let versions =
        move || (create.version().get(), actions.set_enabled.version().get(), actions.delete.version().get());
    let apps = Resource::new(versions, |_| list_apps());
    let toggled = FormProblems::follow(move || actions.set_enabled.value().get());
    let deleted = FormProblems::follow(move || actions.delete.value().get());
    view! {
        <PageHeader title=td_string!(locale, apps.title) subtitle=td_string!(locale, apps.subtitle) />
        <ProblemSummary problems=toggled fields=Vec::new() />
        <ProblemSummary problems=deleted fields=Vec::new() />
        <NewApp create />
        {loaded(apps, move |apps| show(locale, apps, actions))}
    }
    .into_any()
}

/// Adding an app.
#[component]
fn NewApp(
    /// What adds it.
    create: ServerAction<CreateApp>,
) -> impl IntoView {
    let locale = use_locale();
    let problems = FormProblems::follow(move || create.value().get());
    let form = NodeRef::<leptos::html::Form>::new();
    Effect::new(move || {
        if matches!(create.value().get(), Some(Ok(())))
            && let Some(form) = form.get_untracked()
        {
            form.reset();
        }
    });
    let mut labels = vec![("name", td_string!(locale, apps.new_name))];
    labels.extend(limit_labels(locale));
    labels.extend(budget_labels(locale));
    view! {
        <section class="panel mb-6 p-5" aria-label=td_string!(locale, apps.add)>
            <ProblemSummary problems fields=labels />
            <ActionForm action=create node_ref=form attr:novalidate="" attr:class="grid items-start gap-3 sm:grid-cols-[minmax(0,1fr)_auto]">
                <TextField
                    field="name"
                    name="name"
                    label=td_string!(locale, apps.new_name)
                    hint=td_string!(locale, apps.name_hint)
                    problem=problems.of("name")
                    required=true
                    code=true
                />
                <button type="submit" class="btn btn-primary sm:mt-7" disabled=move || create.pending().get()>
                    <Icon glyph=Glyph::Add />
                    {td_string!(locale, apps.add)}
                </button>
                <details class="group sm:col-span-2">
                    <summary class="quiet flex w-fit cursor-pointer list-none items-center gap-2 rounded-field text-sm font-medium">
                        <span class="transition-transform group-open:rotate-90" aria-hidden="true">
                            "›"
                        </span>
                        {td_string!(locale, apps.new_limits)}
                    </summary>
                    <p class="quiet my-3 text-sm">{td_string!(locale, limits.section_hint)}</p>
                    <LimitFields prefix="limits" limits=Limits::default() problems />
                    <p class="quiet mt-6 mb-3 text-sm">{td_string!(locale, budgets.hint)}</p>
                    <BudgetFields prefix="budgets" budgets=Vec::new() problems />
                </details>
            </ActionForm>
        </section>
    }
    .into_any()
}

fn show(locale: Locale, apps: Vec<AppView>, actions: Actions) -> impl IntoView {
    if apps.is_empty() {
        return view! {
            <Empty glyph=Glyph::Apps title=td_string!(locale, apps.empty_title) text=td_string!(locale, apps.empty_text) />
        }
        .into_any();
    }
    let rows = apps.into_iter().map(|app| row(locale, app, actions)).collect_view();
    view! {
        <div class="panel overflow-x-auto" tabindex="0" role="region" aria-label=td_string!(locale, apps.list)>
            <table class="table">
                <caption class="sr-only">{td_string!(locale, apps.list)}</caption>
                <thead class="quiet">
                    <tr>
                        <th scope="col">{td_string!(locale, apps.name)}</th>
                        <th scope="col">{td_string!(locale, apps.state)}</th>
                        <th scope="col">{td_string!(locale, apps.limits)}</th>
                        <th scope="col" class="text-right">{td_string!(locale, apps.keys)}</th>
                        <th scope="col">{td_string!(locale, apps.created)}</th>
                        <th scope="col">
                            <span class="sr-only">{td_string!(locale, common.actions)}</span>
                        </th>
                    </tr>
                </thead>
                <tbody>{rows}</tbody>
            </table>
        </div>
    }
    .into_any()
}

fn row(locale: Locale, app: AppView, actions: Actions) -> impl IntoView {
    let (tone, state, caption) = if app.enabled {
        (Tone::Good, td_string!(locale, common.enabled), td_string!(locale, common.disable))
    } else {
        (Tone::Neutral, td_string!(locale, common.disabled), td_string!(locale, common.enable))
    };
    let toggle_label = if app.enabled {
        td_string!(locale, servers.disable_one, name = app.name.clone())
    } else {
        td_string!(locale, servers.enable_one, name = app.name.clone())
    };
    let path = Destination::App(app.id).path();
    let limits = match text::limits(locale, app.limits) {
        Some(limits) => limits.into_any(),
        None => view! { <span class="quiet">{td_string!(locale, apps.limits_none)}</span> }.into_any(),
    };
    // The one that is nearest to its end.
    let budget = app.budgets.iter().map(|state| state.level).max().map(|level| {
        let tone = match level {
            BudgetLevel::Ok => Tone::Good,
            BudgetLevel::Warning => Tone::Warning,
            BudgetLevel::Exceeded => Tone::Bad,
        };
        view! {
            <span class="mt-1 block">
                <Badge tone text=format!("{} · {}", td_string!(locale, budgets.short), text::budget_level(locale, level)) />
            </span>
        }
    });
    let by_request = app.registered_by_request.then(|| td_string!(locale, apps.by_request));
    view! {
        <tr>
            <th scope="row" class="min-w-40 font-mono text-sm font-medium [overflow-wrap:anywhere]">
                <a href=path.clone() class="hover:underline">
                    {app.name.clone()}
                </a>
            </th>
            <td><Badge tone text=state /></td>
            <td class="min-w-32">{limits} {budget}</td>
            <td class="text-right tabular-nums">{app.active_keys}</td>
            <td>
                <UtcTime milliseconds=app.created_at_ms />
                {by_request.map(|text| view! { <span class="quiet block text-sm">{text}</span> })}
            </td>
            <td>
                <div class="flex justify-end gap-1">
                    <a
                        href=path
                        class="btn btn-ghost btn-sm"
                        aria-label=td_string!(locale, apps.edit_one, name = app.name.clone())
                    >
                        {td_string!(locale, apps.limits)}
                    </a>
                    <ActionForm action=actions.set_enabled>
                        <input type="hidden" name="id" value=app.id.to_string() />
                        {(!app.enabled).then(|| view! { <input type="hidden" name="enabled" value="true" /> })}
                        <button type="submit" class="btn btn-ghost btn-sm" aria-label=toggle_label>
                            {caption}
                        </button>
                    </ActionForm>
                    <Confirm
                        id=format!("delete-{}", app.id)
                        label=td_string!(locale, servers.delete_one, name = app.name.clone())
                        title=td_string!(locale, apps.delete_title, name = app.name.clone())
                        text=text::app_deletion(locale, app.active_keys)
                    >
                        <ActionForm action=actions.delete>
                            <input type="hidden" name="id" value=app.id.to_string() />
                            <button type="submit" class="btn btn-error">
                                {td_string!(locale, common.delete)}
                            </button>
                        </ActionForm>
                    </Confirm>
                </div>
            </td>
        </tr>
    }
    .into_any()
}
