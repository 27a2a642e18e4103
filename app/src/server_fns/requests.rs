//! The list of requests.

use leptos::server;
use leptos::server_fn::codec::GetUrl;
use sluice::model::RequestPage;

use crate::UiError;

/// A page of requests, newest first; without a cursor the newest of all.
#[server(prefix = "/api/ui", endpoint = "requests/list", input = GetUrl)]
pub async fn list_requests(cursor: Option<String>) -> Result<RequestPage, UiError> {
    use sluice::model::RequestQuery;

    let context = crate::ssr::request_context()?;
    let query = RequestQuery { cursor, ..RequestQuery::default() };
    context.answer(context.services.requests.list(&context.actor, query).await)
}
