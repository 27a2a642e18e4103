//! The list of keys.

use leptos::prelude::*;
use sluice::model::{KeyState, KeyView, Priority};

use crate::components::{
    Badge, Confirm, Empty, FormProblems, Glyph, Icon, PageHeader, ProblemSummary, UtcTime, key_tone,
};
use crate::layout::loaded;
use crate::preferences::use_locale;
use crate::server_fns::keys::{RevokeKey, list_keys};
use crate::text;
use crate::translations::{Locale, td_string};

/// The list of keys.
#[component]
pub(crate) fn KeysPage() -> impl IntoView {
    let locale = use_locale();
    let revoke = ServerAction::<RevokeKey>::new();
    let keys = Resource::new(move || revoke.version().get(), |_| list_keys());
    let problems = FormProblems::follow(move || revoke.value().get());
    view! {
        <PageHeader title=td_string!(locale, keys.title) subtitle=td_string!(locale, keys.subtitle)>
            <a href="/keys/new" class="btn btn-primary">
                <Icon glyph=Glyph::Add />
                {td_string!(locale, keys.create)}
            </a>
        </PageHeader>
        <ProblemSummary problems fields=Vec::new() />
        {loaded(keys, move |keys| show(locale, keys, revoke))}
    }
    .into_any()
}

fn show(locale: Locale, keys: Vec<KeyView>, revoke: ServerAction<RevokeKey>) -> impl IntoView {
    if keys.is_empty() {
        return view! {
            <Empty glyph=Glyph::Keys title=td_string!(locale, keys.empty_title) text=td_string!(locale, keys.empty_text) />
        }
        .into_any();
    }
    let rows = keys.into_iter().map(|key| row(locale, key, revoke)).collect_view();
    view! {
        <div class="panel overflow-x-auto" tabindex="0" role="region" aria-label=td_string!(locale, keys.list)>
            <table class="table">
                <caption class="sr-only">{td_string!(locale, keys.list)}</caption>
                <thead class="quiet">
                    <tr>
                        <th scope="col">{td_string!(locale, keys.name)}</th>
                        <th scope="col">{td_string!(locale, keys.state)}</th>
                        <th scope="col">{td_string!(locale, keys.app)}</th>
                        <th scope="col">{td_string!(locale, keys.models)}</th>
                        <th scope="col">{td_string!(locale, keys.created)}</th>
                        <th scope="col">{td_string!(locale, keys.expires)}</th>
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

fn row(locale: Locale, key: KeyView, revoke: ServerAction<RevokeKey>) -> impl IntoView {
    let app = match key.app_name.clone() {
        Some(name) => view! { <span class="font-mono text-sm">{name}</span> }.into_any(),
        None => view! { <span class="quiet">{td_string!(locale, keys.app_any_short)}</span> }.into_any(),
    };
    let models = if key.models.is_empty() {
        view! { <span class="quiet">{td_string!(locale, keys.models_all)}</span> }.into_any()
    } else {
        view! { <span class="font-mono text-[0.8125rem] break-all">{key.models.join(", ")}</span> }.into_any()
    };
    let expires = match key.expires_at_ms {
        Some(milliseconds) => view! { <UtcTime milliseconds /> }.into_any(),
        None => view! { <span class="quiet">{td_string!(locale, keys.expires_never)}</span> }.into_any(),
    };
    let priority = (key.priority != Priority::Normal)
        .then(|| td_string!(locale, keys.priority_of, priority = text::priority(locale, key.priority)));
    let rules = [text::limits(locale, key.limits), priority].into_iter().flatten().collect::<Vec<_>>().join(" · ");
    let actions = (key.state != KeyState::Revoked).then(|| row_actions(locale, &key, revoke));
    view! {
        <tr>
            <th scope="row" class="min-w-40 font-medium">
                {key.name.clone()}
                <span class="quiet block font-mono text-xs font-normal">"…" {key.hint.clone()}</span>
                {(!rules.is_empty()).then(|| view! { <span class="quiet block text-xs font-normal">{rules}</span> })}
            </th>
            <td><Badge tone=key_tone(key.state) text=text::key_state(locale, key.state) /></td>
            <td class="whitespace-nowrap">{app}</td>
            <td class="min-w-40">{models}</td>
            <td><UtcTime milliseconds=key.created_at_ms /></td>
            <td>{expires}</td>
            <td>{actions}</td>
        </tr>
    }
    .into_any()
}

fn row_actions(locale: Locale, key: &KeyView, revoke: ServerAction<RevokeKey>) -> impl IntoView + use<> {
    let name = key.name.clone();
    let id = key.id.to_string();
    view! {
        <div class="flex justify-end gap-1">
            <a
                href=format!("/keys/{id}")
                class="btn btn-ghost btn-sm"
                aria-label=td_string!(locale, keys.edit_one, name = name.clone())
            >
                {td_string!(locale, common.edit)}
            </a>
            <Confirm
                id=format!("revoke-{id}")
                label=td_string!(locale, keys.revoke_one, name = name.clone())
                caption=td_string!(locale, keys.revoke)
                title=td_string!(locale, keys.revoke_title, name = name)
                text=td_string!(locale, keys.revoke_text)
            >
                <ActionForm action=revoke>
                    <input type="hidden" name="id" value=id />
                    <button type="submit" class="btn btn-error">
                        {td_string!(locale, keys.revoke)}
                    </button>
                </ActionForm>
            </Confirm>
        </div>
    }
    .into_any()
}
