//! Signing in.

use leptos::prelude::*;
use leptos_meta::Title;
use leptos_router::hooks::use_query;

use crate::components::{FormProblems, ProblemSummary, TextField};
use crate::layout::{BareFrame, SendTo};
use crate::preferences::use_locale;
use crate::query::{Destination, SignInQuery};
use crate::server_fns::session::{SignIn, Visitor, current_visitor};
use crate::translations::td_string;

/// Signing in. Whoever is signed in already goes on, and before set-up there is nobody who could.
#[component]
pub(crate) fn SignInPage() -> impl IntoView {
    let locale = use_locale();
    let query = use_query::<SignInQuery>();
    let next = query.get_untracked().ok().and_then(|query| query.next).unwrap_or_default();
    let destination = Destination::after_sign_in(&next).path();
    let visitor = Resource::new(|| (), |()| current_visitor());
    let sign_in = ServerAction::<SignIn>::new();
    let problems = FormProblems::follow(move || sign_in.value().get());
    let fields =
        vec![("username", td_string!(locale, login.username)), ("password", td_string!(locale, login.password))];
    view! {
        <Title text=td_string!(locale, login.title) />
        <Suspense>
            {move || {
                let destination = destination.clone();
                Suspend::new(async move {
                    match visitor.await {
                        Ok(Visitor::SignedIn { .. }) => Some(view! { <SendTo path=destination /> }.into_any()),
                        Ok(Visitor::BeforeSetup) => Some(view! { <SendTo path="/setup".to_owned() /> }.into_any()),
                        Ok(Visitor::Anonymous) | Err(_) => None,
                    }
                })
            }}
        </Suspense>
        <BareFrame>
            <h1 class="text-2xl font-semibold tracking-tight">{td_string!(locale, login.title)}</h1>
            <p class="quiet mt-1 mb-6">{td_string!(locale, login.subtitle)}</p>
            <ProblemSummary problems fields />
            <ActionForm action=sign_in attr:class="grid gap-5" attr:novalidate="">
                <input type="hidden" name="form[next]" value=next />
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
                    autocomplete="current-password"
                    problem=problems.of("password")
                    required=true
                />
                <button type="submit" class="btn btn-primary" disabled=move || sign_in.pending().get()>
                    {td_string!(locale, login.submit)}
                </button>
            </ActionForm>
        </BareFrame>
    }
    .into_any()
}
