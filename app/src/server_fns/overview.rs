//! The first page, and what ready calls are made of.

use leptos::server;
use leptos::server_fn::codec::GetUrl;
use serde::{Deserialize, Serialize};
use sluice::model::{Overview, RequestPage, ServerId, ServerLimitState};

use crate::UiError;

/// Requests that the first page shows.
#[cfg(feature = "ssr")]
const LATEST_REQUESTS: u16 = 8;

/// Everything on the first page.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct OverviewPage {
    /// How far the installation is.
    pub overview: Overview,
    /// The newest requests.
    pub latest: RequestPage,
    /// What a ready call is made of.
    pub call: CallTarget,
    /// The servers by name, in the order in which they are asked.
    pub servers: Vec<(ServerId, String)>,
    /// Their limits and queues, without the requests that wait.
    pub limits: Vec<ServerLimitState>,
    /// The gateway's clock, in milliseconds since 1970 UTC: pages have none while they render.
    pub now_ms: i64,
}

/// Where a ready call goes.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct CallTarget {
    /// Scheme, host and port of the gateway.
    pub origin: String,
    /// A public model name that can be called now.
    pub model: Option<String>,
}

/// Everything on the first page.
#[server(prefix = "/api/ui", endpoint = "overview/get", input = GetUrl)]
pub async fn get_overview() -> Result<OverviewPage, UiError> {
    use sluice::model::RequestQuery;

    let context = crate::ssr::request_context()?;
    let overview = context.answer(context.services.overview.get(&context.actor).await)?;
    let query = RequestQuery { limit: Some(LATEST_REQUESTS), ..RequestQuery::default() };
    let latest = context.answer(context.services.requests.list(&context.actor, query).await)?;
    let servers = context.answer(context.services.servers.list(&context.actor).await)?;
    let limits = super::limits::list_limits().await?;
    let call = CallTarget { model: example_model(&servers), origin: context.origin };
    let servers = servers.into_iter().map(|server| (server.id, server.name)).collect();
    Ok(OverviewPage { overview, latest, call, servers, limits, now_ms: crate::ssr::now_ms() })
}

/// Where a ready call goes.
#[server(prefix = "/api/ui", endpoint = "overview/call_target", input = GetUrl)]
pub async fn get_call_target() -> Result<CallTarget, UiError> {
    let context = crate::ssr::request_context()?;
    let servers = context.answer(context.services.servers.list(&context.actor).await)?;
    Ok(CallTarget { model: example_model(&servers), origin: context.origin })
}

/// The public model names of all servers, sorted, each once.
#[cfg(feature = "ssr")]
pub(crate) fn public_models(servers: &[sluice::model::ServerView]) -> Vec<String> {
    let names: std::collections::BTreeSet<&str> =
        servers.iter().flat_map(|server| &server.models).map(|model| model.name.as_str()).collect();
    names.into_iter().map(ToOwned::to_owned).collect()
}

/// A model for an example of a chat: the first one of the servers that take requests, embeddings only if there is
/// nothing else.
#[cfg(feature = "ssr")]
pub(crate) fn example_model(servers: &[sluice::model::ServerView]) -> Option<String> {
    let callable = || {
        servers
            .iter()
            .filter(|server| server.state == sluice::model::ServerState::Enabled)
            .flat_map(|server| server.models.iter().map(|model| &model.name))
    };
    callable().find(|name| !name.contains("embed")).or_else(|| callable().next()).cloned()
}
