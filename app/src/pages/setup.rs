//! The first administrator: the page of the one-time link, and the page that explains where the link is.

use leptos::prelude::*;
use leptos_meta::Title;
use leptos_router::hooks::use_query;
use sluice::model::bounds::PASSWORD_MIN;

use crate::components::{FormProblems, ProblemSummary, TextField};
use crate::layout::{BareFrame, SendTo};
use crate::preferences::use_locale;
use crate::query::SetupQuery;
use crate::server_fns::session::{Visitor, current_visitor};
use crate::server_fns::setup::CompleteSetup;
use crate::translations::td_string;

/// Set-up; once an administrator exists it leads to signing in.
#[component]
pub(crate) fn SetupPage() -> impl IntoView {
    let query = use_query::<SetupQuery>();
    let token = query.get_untracked().ok().and_then(|query| query.token).filter(|token| !token.is_empty());
    let visitor = Resource::new(|| (), |()| current_visitor());
    view! {
        <Suspense>
            {move || Suspend::new(async move {
                match visitor.await {
                    Ok(Visitor::SignedIn { .. } | Visitor::Anonymous) => {
                        Some(view! { <SendTo path="/login".to_owned() /> })
                    }
                    Ok(Visitor::BeforeSetup) | Err(_) => None,
                }
            })}
        </Suspense>
        <BareFrame>
            {match token {
                Some(token) => view! { <SetupForm token /> }.into_any(),
                None => view! { <WhereTheLinkIs /> }.into_any(),
            }}
        </BareFrame>
    }
    .into_any()
}

/// Name and password of the first administrator.
#[component]
fn SetupForm(
    /// The token from the link.
    token: String,
) -> impl IntoView {
    let locale = use_locale();
    let complete = ServerAction::<CompleteSetup>::new();
    let problems = FormProblems::follow(move || complete.value().get());
    let fields = vec![
        ("username", td_string!(locale, login.username)),
        ("password", td_string!(locale, login.password)),
        ("password_again", td_string!(locale, login.password_again)),
    ];
    view! {
        <Title text=td_string!(locale, setup.title) />
        <h1 class="text-2xl font-semibold tracking-tight">{td_string!(locale, setup.title)}</h1>
        <p class="quiet mt-1 mb-6">{td_string!(locale, setup.subtitle)}</p>
        <ProblemSummary problems fields />
        <ActionForm action=complete attr:class="grid gap-5" attr:novalidate="">
            <input type="hidden" name="form[token]" value=token />
            <TextField
                field="username"
                name="form[username]"
                label=td_string!(locale, login.username)
                autocomplete="username"
                problem=problems.of("username")
                required=true
            />
            <TextField
                field="password"
                name="form[password]"
                kind="password"
                label=td_string!(locale, login.password)
                hint=td_string!(locale, login.password_hint, min = PASSWORD_MIN)
                autocomplete="new-password"
                problem=problems.of("password")
                required=true
            />
            <TextField
                field="password_again"
                name="form[password_again]"
                kind="password"
                label=td_string!(locale, login.password_again)
                autocomplete="new-password"
                problem=problems.of("password_again")
                required=true
            />
            <button type="submit" class="btn btn-primary" disabled=move || complete.pending().get()>
                {td_string!(locale, setup.submit)}
            </button>
        </ActionForm>
    }
    .into_any()
}

/// Where to find the link.
#[component]
fn WhereTheLinkIs() -> impl IntoView {
    let locale = use_locale();
    view! {
        <Title text=td_string!(locale, setup.before_title) />
        <h1 class="text-2xl font-semibold tracking-tight">{td_string!(locale, setup.before_title)}</h1>
        <p class="mt-3">{td_string!(locale, setup.before_text)}</p>
        <p class="quiet mt-4 text-sm">{td_string!(locale, setup.before_hint)}</p>
        <p class="mt-1 overflow-x-auto rounded-field bg-base-200 px-3 py-2 font-mono text-sm whitespace-nowrap" tabindex="0">
            "http://…/setup?token=…"
        </p>
        <p class="quiet mt-4">{td_string!(locale, setup.before_lost)}</p>
    }
    .into_any()
}
