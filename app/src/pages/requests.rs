//! The list of requests: the newest live, older ones page by page.

use leptos::prelude::*;
use leptos_router::hooks::use_query;
use sluice::model::RequestPage;

use super::overview::{EXAMPLE_APP, KEY_PLACEHOLDER, MODEL_PLACEHOLDER};
use crate::UiError;
use crate::components::{CodeBlock, Empty, Glyph, LiveBadge, PageHeader, RequestTable};
use crate::layout::loaded;
use crate::live::{LiveState, follow_requests};
use crate::preferences::use_locale;
use crate::query::RequestsQuery;
use crate::server_fns::overview::{CallTarget, get_call_target};
use crate::server_fns::requests::list_requests;
use crate::snippet::ExampleCall;
use crate::translations::{Locale, td_string};

/// The list of requests.
#[component]
pub(crate) fn RequestsPage() -> impl IntoView {
    let locale = use_locale();
    let query = use_query::<RequestsQuery>();
    let cursor =
        Memo::new(move |_| query.get().ok().and_then(|query| query.cursor).filter(|cursor| !cursor.is_empty()));
    let first_page = Memo::new(move |_| cursor.with(Option::is_none));
    let data = Resource::new(move || cursor.get(), page_and_target);
    view! {
        <PageHeader title=td_string!(locale, requests.title) subtitle=td_string!(locale, requests.subtitle)>
            <Show when=move || first_page.get()>
                <Live refresh=move || data.refetch() />
            </Show>
        </PageHeader>
        {loaded(data, move |(page, target)| show(locale, page, target, first_page.get_untracked()))}
    }
    .into_any()
}

/// The page, and where a first call would go if there is none yet.
async fn page_and_target(cursor: Option<String>) -> Result<(RequestPage, Option<CallTarget>), UiError> {
    let first = cursor.is_none();
    let page = list_requests(cursor).await?;
    let target = if first && page.rows.is_empty() { Some(get_call_target().await?) } else { None };
    Ok((page, target))
}

/// Whether the list keeps itself up to date; while this is on the page and the page is seen, it does.
#[component]
fn Live(
    /// Fetches the list again.
    refresh: impl Fn() + Copy + Send + Sync + 'static,
) -> impl IntoView {
    let (state, set_state) = signal(LiveState::Connecting);
    Effect::new(move || follow_requests(set_state, refresh));
    view! { <LiveBadge state /> }
}

fn show(locale: Locale, page: RequestPage, target: Option<CallTarget>, first: bool) -> impl IntoView {
    if page.rows.is_empty() {
        return if let Some(target) = target {
            view! { <NoRequests target /> }.into_any()
        } else {
            view! {
                <p class="panel px-6 py-10 text-center">{td_string!(locale, requests.empty_page)}</p>
                <Pages next=None first />
            }
            .into_any()
        };
    }
    view! {
        <RequestTable rows=page.rows />
        <Pages next=page.next first />
    }
    .into_any()
}

/// Plain links, so that they can be opened, bookmarked and used without JavaScript.
#[component]
fn Pages(
    /// Where the next page begins.
    next: Option<String>,
    /// Whether this is the newest page.
    first: bool,
) -> impl IntoView {
    let locale = use_locale();
    let newest = (!first).then(|| {
        view! {
            <a href="/requests" class="btn btn-sm">
                {td_string!(locale, requests.newest)}
            </a>
        }
    });
    let older = next.map(|cursor| {
        view! {
            <a href=format!("/requests?cursor={}", leptos_router::location::Url::escape(&cursor)) class="btn btn-sm">
                {td_string!(locale, requests.older)}
            </a>
        }
    });
    view! {
        <nav class="mt-4 flex justify-end gap-2" aria-label=td_string!(locale, requests.pages)>
            {newest}
            {older}
        </nav>
    }
    .into_any()
}

/// How to make the first call.
#[component]
fn NoRequests(
    /// Where it would go.
    target: CallTarget,
) -> impl IntoView {
    let locale = use_locale();
    let call = ExampleCall {
        origin: target.origin,
        key: KEY_PLACEHOLDER.to_owned(),
        model: target.model.unwrap_or_else(|| MODEL_PLACEHOLDER.to_owned()),
        app_name: Some(EXAMPLE_APP.to_owned()),
    };
    view! {
        <Empty
            glyph=Glyph::Requests
            title=td_string!(locale, requests.empty_title)
            text=td_string!(locale, requests.empty_text)
        >
            <CodeBlock id="call-curl" label=td_string!(locale, call.curl) code=call.curl() />
        </Empty>
    }
    .into_any()
}
