//! The list of requests.

use leptos::server;
use leptos::server_fn::codec::GetUrl;
use serde::{Deserialize, Serialize};
use sluice::model::{KeyId, RequestDetail, RequestPage, RequestQuery, ServerId};

use crate::UiError;
use crate::filter::Filter;

/// A page of requests and, if it is empty, why.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct RequestList {
    /// The page.
    pub page: RequestPage,
    /// Filters each of which hides everything by itself: without it something would be listed.
    pub hiding: Vec<Filter>,
}

/// What the form of filters offers to choose from.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct FilterChoices {
    /// The servers by name.
    pub servers: Vec<(ServerId, String)>,
    /// Names of the apps.
    pub apps: Vec<String>,
    /// The keys by name.
    pub keys: Vec<(KeyId, String)>,
    /// The public model names.
    pub models: Vec<String>,
    /// The time zone in which times are entered.
    pub time_zone: String,
    /// An hour, a day, a week and a month ago in that zone, such as `2026-11-01T08:15`.
    pub ago: [String; 4],
}

/// A page of requests, newest first; without a cursor the newest of all.
#[server(prefix = "/api/ui", endpoint = "requests/list", input = GetUrl)]
pub async fn list_requests(#[server(default)] query: RequestQuery) -> Result<RequestList, UiError> {
    let context = crate::ssr::request_context()?;
    let requests = &context.services.requests;
    let page = context.answer(requests.list(&context.actor, query.clone()).await)?;
    let mut hiding = Vec::new();
    if page.rows.is_empty() && page.next.is_none() && query.cursor.is_none() {
        for filter in Filter::ALL.into_iter().filter(|filter| filter.of(&query).is_some()) {
            let others = RequestQuery { limit: Some(1), ..filter.without(&query) };
            if !context.answer(requests.list(&context.actor, others).await)?.rows.is_empty() {
                hiding.push(filter);
            }
        }
    }
    Ok(RequestList { page, hiding })
}

/// Everything about one request.
#[server(prefix = "/api/ui", endpoint = "requests/get", input = GetUrl)]
pub async fn get_request(id: String) -> Result<RequestDetail, UiError> {
    let context = crate::ssr::request_context()?;
    context.answer(context.services.requests.get(&context.actor, &id).await)
}

/// What the form of filters offers to choose from, with times in a zone; in the reporting time zone where none is named or the
/// name is wrong, which the list says.
#[server(prefix = "/api/ui", endpoint = "requests/filters", input = GetUrl)]
pub async fn get_filter_choices(#[server(default)] tz: Option<String>) -> Result<FilterChoices, UiError> {
    let context = crate::ssr::request_context()?;
    let (services, actor) = (&context.services, &context.actor);
    let servers = context.answer(services.servers.list(actor).await)?;
    let apps = context.answer(services.apps.list(actor).await)?;
    let keys = context.answer(services.keys.list(actor).await)?;
    let zone = match services.requests.time_zone(actor, tz.as_deref()) {
        Ok(zone) => zone,
        Err(_) => context.answer(services.requests.time_zone(actor, None))?,
    };
    let now = crate::ssr::now_ms();
    let ago = [1_i64, 24, 7 * 24, 30 * 24].map(|hours| {
        let then = jiff::Timestamp::from_millisecond(now.saturating_sub(hours.saturating_mul(3_600_000)));
        then.map_or_else(|_| String::new(), |then| zone.to_datetime(then).strftime("%Y-%m-%dT%H:%M").to_string())
    });
    Ok(FilterChoices {
        models: super::overview::public_models(&servers),
        servers: servers.into_iter().map(|server| (server.id, server.name)).collect(),
        apps: apps.into_iter().map(|app| app.name).collect(),
        keys: keys.into_iter().map(|key| (key.id, key.name)).collect(),
        time_zone: zone.iana_name().unwrap_or("UTC").to_owned(),
        ago,
    })
}
