//! The list of requests: the newest live, older ones page by page, filtered, and one of them in a drawer.

mod detail;
mod drawer;
mod filters;
mod timeline;

use leptos::prelude::*;
use leptos_router::NavigateOptions;
use leptos_router::hooks::{use_navigate, use_query_map};
use sluice::model::{Refusal, RequestPage, RequestQuery};

use self::drawer::Drawer;
use self::filters::Filters;
use super::overview::{EXAMPLE_APP, KEY_PLACEHOLDER, MODEL_PLACEHOLDER};
use crate::UiError;
use crate::components::{CodeBlock, Empty, Glyph, Icon, LiveBadge, PageHeader, RequestTable, UtcTime};
use crate::filter::{self, Filter};
use crate::layout::loaded;
use crate::live::{LiveState, follow_requests};
use crate::preferences::use_locale;
use crate::server_fns::overview::{CallTarget, get_call_target};
use crate::server_fns::requests::{RequestList, list_requests};
use crate::snippet::ExampleCall;
use crate::text;
use crate::translations::{Locale, td_string};

pub(crate) use detail::RequestDetailPage;

/// What the list came to. A filter that cannot be read is no failure of the page: the form above says what is wrong.
#[derive(Clone, serde::Serialize, serde::Deserialize)]
enum Listed {
    /// A page, and where a first call would go if there is none yet.
    Page(RequestList, Option<CallTarget>),
    /// What is wrong with the filter.
    Wrong(UiError),
}

/// The list of requests.
#[component]
pub(crate) fn RequestsPage() -> impl IntoView {
    let locale = use_locale();
    let parameters = use_query_map();
    // The open drawer is no part of it, so that opening one fetches nothing but the request.
    let query = Memo::new(move |_| parameters.with(filter::read));
    let open = Memo::new(move |_| parameters.with(|parameters| filter::given(parameters.get(filter::OPEN))));
    let data = Resource::new(move || query.get(), list);
    // A search that had to stop before its page was full is too dear to be made again every second, and a filter that
    // cannot be read stays so.
    let is_final = StoredValue::new(false);
    let is_live =
        Memo::new(move |_| query.with(|query| query.cursor.is_none() && query.to.is_none() && query.id.is_none()));
    let navigate = use_navigate();
    let show_request = Callback::new(move |id: String| {
        let path = query.with_untracked(|query| filter::page_path(query, Some(&id)));
        navigate(&path, NavigateOptions { scroll: false, ..NavigateOptions::default() });
    });
    view! {
        <PageHeader title=td_string!(locale, requests.title) subtitle=td_string!(locale, requests.subtitle)>
            <Show when=move || is_live.get()>
                <Live refresh=move || {
                    if !is_final.get_value() {
                        data.refetch();
                    }
                } />
            </Show>
            <a
                href=move || query.with(filter::export_path)
                class="btn border-base-300 bg-base-100"
                rel="external"
                download=""
            >
                <Icon glyph=Glyph::Down />
                {td_string!(locale, requests.export)}
            </a>
        </PageHeader>
        <Filters query />
        {loaded(data, move |listed| {
            is_final.set_value(match &listed {
                Listed::Page(list, _) => list.page.searched_to_ms.is_some(),
                Listed::Wrong(_) => true,
            });
            show(locale, listed, query.get_untracked(), show_request)
        })}
        <Drawer open query />
    }
    .into_any()
}

async fn list(query: RequestQuery) -> Result<Listed, UiError> {
    let is_first = query.cursor.is_none() && !filter::is_filtered(&query);
    match list_requests(query).await {
        Ok(list) => {
            let target = if is_first && list.page.rows.is_empty() { Some(get_call_target().await?) } else { None };
            Ok(Listed::Page(list, target))
        }
        Err(error @ UiError::Refused { refusal: Refusal::Invalid { .. } }) => Ok(Listed::Wrong(error)),
        Err(error) => Err(error),
    }
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

fn show(locale: Locale, listed: Listed, query: RequestQuery, show_request: Callback<String>) -> AnyView {
    let (list, target) = match listed {
        Listed::Wrong(error) => return wrong_filter(locale, &error),
        Listed::Page(list, target) => (list, target),
    };
    if let Some(target) = target {
        return view! { <NoRequests target /> }.into_any();
    }
    let RequestList { page, hiding } = list;
    let is_empty = page.rows.is_empty();
    let rows = if is_empty {
        nothing(locale, &page, &query, hiding)
    } else {
        view! { <RequestTable rows=page.rows on_open=show_request /> }.into_any()
    };
    view! {
        {rows}
        {searched_back(locale, page.searched_to_ms.filter(|_| !is_empty))}
        <Pages next=page.next.map(|cursor| RequestQuery { cursor: Some(cursor), ..query.clone() }) query=query.clone() />
    }
    .into_any()
}

/// Says which fields of the filter cannot be read.
fn wrong_filter(locale: Locale, error: &UiError) -> AnyView {
    let problems = error
        .fields()
        .iter()
        .map(|problem| {
            let label = Filter::ALL.into_iter().find(|filter| filter.name() == problem.field);
            let label = label.map_or(td_string!(locale, requests.time_zone), |filter| text::filter(locale, filter));
            let what = text::problem(locale, &problem.field, &problem.problem);
            view! { <li>{label} " — " {what}</li> }
        })
        .collect_view();
    view! {
        <div role="alert" class="rounded-box border border-error/40 bg-error/8 px-4 py-3">
            <p class="font-semibold">{td_string!(locale, requests.filter_wrong)}</p>
            <ul class="mt-1 ml-5 list-disc">{problems}</ul>
        </div>
    }
    .into_any()
}

/// A page without rows: what hides them, if it is known.
fn nothing(locale: Locale, page: &RequestPage, query: &RequestQuery, hiding: Vec<Filter>) -> AnyView {
    if query.cursor.is_some() && page.next.is_none() {
        return view! { <p class="panel px-6 py-10 text-center">{td_string!(locale, requests.empty_page)}</p> }
            .into_any();
    }
    let why = if page.searched_to_ms.is_some() {
        searched_back(locale, page.searched_to_ms).into_any()
    } else if hiding.is_empty() {
        view! { <p class="quiet mt-1">{td_string!(locale, requests.hidden_by_all)}</p> }.into_any()
    } else {
        let links = hiding
            .into_iter()
            .map(|hidden| {
                let name = text::filter(locale, hidden);
                view! {
                    <a href=filter::page_path(&hidden.without(query), None) class="btn btn-sm">
                        {td_string!(locale, requests.show_without, filter = name)}
                    </a>
                }
            })
            .collect_view();
        view! {
            <p class="quiet mt-1">{td_string!(locale, requests.hidden_by)}</p>
            <div class="mt-4 flex flex-wrap justify-center gap-2">{links}</div>
        }
        .into_any()
    };
    view! {
        <div class="panel flex flex-col items-center px-6 py-12 text-center">
            <h2 class="text-lg font-semibold">{td_string!(locale, requests.no_match)}</h2>
            {why}
        </div>
    }
    .into_any()
}

/// Says until when a search went that stopped before its page was full.
fn searched_back(locale: Locale, searched_to_ms: Option<i64>) -> impl IntoView {
    searched_to_ms.map(|milliseconds| {
        view! {
            <p class="quiet mt-3 text-sm" role="status">
                {td_string!(locale, requests.searched_back)} " " <UtcTime milliseconds />
            </p>
        }
    })
}

/// Plain links, so that they can be opened, bookmarked and used without JavaScript.
#[component]
fn Pages(
    /// The next page.
    next: Option<RequestQuery>,
    /// This page.
    query: RequestQuery,
) -> impl IntoView {
    let locale = use_locale();
    let newest = query.cursor.is_some().then(|| {
        let href = filter::page_path(&RequestQuery { cursor: None, ..query }, None);
        view! {
            <a href=href class="btn btn-sm">
                {td_string!(locale, requests.newest)}
            </a>
        }
    });
    let older = next.map(|next| {
        view! {
            <a href=filter::page_path(&next, None) class="btn btn-sm">
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
