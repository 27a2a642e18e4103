//! The first page, and what ready calls are made of.

use leptos::server;
use leptos::server_fn::codec::GetUrl;
use serde::{Deserialize, Serialize};
use sluice::model::{Overview, RequestPage, ServerId, ServerLimitState, ServerState, UsageTotals};

use crate::UiError;
use crate::usage::UsageFilters;

/// Requests that the first page shows.
#[cfg(feature = "ssr")]
const LATEST_REQUESTS: u16 = 8;

/// Apps and models that the first page names.
#[cfg(feature = "ssr")]
const TOP: usize = 5;

/// Everything on the first page.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct OverviewPage {
    /// How far the installation is.
    pub overview: Overview,
    /// The newest requests.
    pub latest: RequestPage,
    /// What a ready call is made of.
    pub call: CallTarget,
    /// The servers in the order in which they are asked.
    pub servers: Vec<ServerGlance>,
    /// What went through; none as long as nothing ever did.
    pub figures: Option<Figures>,
    /// Their limits and queues, without the requests that wait.
    pub limits: Vec<ServerLimitState>,
    /// The gateway's clock, in milliseconds since 1970 UTC: pages have none while they render.
    pub now_ms: i64,
}

/// A server at a glance.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ServerGlance {
    /// Its id.
    pub id: ServerId,
    /// Its name.
    pub name: String,
    /// Whether it takes requests.
    pub state: ServerState,
    /// Requests in the range.
    pub requests: u64,
    /// Those of them that failed.
    pub errors: u64,
}

/// What went through in a range, and in the time before.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Figures {
    /// First minute of the range, in the time zone.
    pub from: String,
    /// Its last minute.
    pub to: String,
    /// The reporting time zone.
    pub tz: String,
    /// Where the range begins, as an address says it.
    pub from_bound: String,
    /// Where it ends.
    pub to_bound: String,
    /// In the range.
    pub now: UsageTotals,
    /// In the time before, which is as long.
    pub before: UsageTotals,
    /// The apps with most requests.
    pub apps: Vec<Ranked>,
    /// The models with most requests.
    pub models: Vec<Ranked>,
}

/// An app or a model, and what it used.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Ranked {
    /// How an address names it.
    pub value: String,
    /// Its name.
    pub name: String,
    /// What it used.
    pub totals: UsageTotals,
}

/// Where a ready call goes.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct CallTarget {
    /// Scheme, host and port of the gateway.
    pub origin: String,
    /// A public model name that can be called now.
    pub model: Option<String>,
}

/// Everything on the first page; of the filters only the range counts.
#[server(prefix = "/api/ui", endpoint = "overview/get", input = GetUrl)]
pub async fn get_overview(#[server(default)] filters: UsageFilters) -> Result<OverviewPage, UiError> {
    use sluice::model::RequestQuery;

    let context = crate::ssr::request_context()?;
    let overview = context.answer(context.services.overview.get(&context.actor).await)?;
    let query = RequestQuery { limit: Some(LATEST_REQUESTS), ..RequestQuery::default() };
    let latest = context.answer(context.services.requests.list(&context.actor, query).await)?;
    let servers = context.answer(context.services.servers.list(&context.actor).await)?;
    let limits = super::limits::list_limits().await?;
    let call = CallTarget { model: example_model(&servers), origin: context.origin.clone() };
    let (figures, sums) = if overview.has_requests {
        let (figures, sums) = ssr::figures(&context, &filters).await?;
        (Some(figures), sums)
    } else {
        (None, Vec::new())
    };
    let servers = servers.into_iter().map(|server| ssr::glance(server, &sums)).collect();
    Ok(OverviewPage { overview, latest, call, servers, figures, limits, now_ms: crate::ssr::now_ms() })
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

#[cfg(feature = "ssr")]
mod ssr {
    //! The sums of the first page.

    use jiff::{Timestamp, Zoned};
    use sluice::model::{
        Dimension, FieldProblem, Granularity, Problem, Refusal, ServerId, ServerView, UsageGroup, UsageQuery,
        UsageReport, UsageTotals,
    };

    use super::{Figures, Ranked, ServerGlance, TOP};
    use crate::UiError;
    use crate::charts::group_name;
    use crate::ssr::RequestContext;
    use crate::usage::{Preset, Span, UsageFilters};

    /// Sums by server.
    type ByServer = Vec<(ServerId, UsageTotals)>;

    /// What went through in the range and before, and by server.
    pub(super) async fn figures(
        context: &RequestContext,
        filters: &UsageFilters,
    ) -> Result<(Figures, ByServer), UiError> {
        let zone = context.answer(context.services.requests.time_zone(&context.actor, None))?;
        let tz = zone.iana_name().unwrap_or("UTC").to_owned();
        let now = Timestamp::now().to_zoned(zone);
        let preset = filters.preset(Preset::Hours24).unwrap_or(Preset::Hours24);
        let out_of_range =
            |_| UiError::from(Refusal::Invalid { fields: vec![FieldProblem::new("range", Problem::TimeInvalid)] });
        let span = Span::until_now(preset, &now).map_err(out_of_range)?;
        let before = span.before(preset).map_err(out_of_range)?;
        let sums = |span: Span, by: Option<Dimension>| sums(context, span, by);
        let total = sums(span.clone(), None).await?;
        let by_app = sums(span.clone(), Some(Dimension::App)).await?;
        let by_model = sums(span.clone(), Some(Dimension::Model)).await?;
        let by_server = sums(span.clone(), Some(Dimension::Server)).await?;
        let before = sums(before, None).await?;
        let minute = |time: &Zoned| time.strftime("%Y-%m-%d %H:%M").to_string();
        let (from_bound, to_bound) = span.bounds();
        let figures = Figures {
            from: minute(&span.from),
            to: minute(&span.to),
            tz,
            from_bound,
            to_bound,
            now: total.total,
            before: before.total,
            apps: top(by_app, |group| group.app.as_ref()?.id.map(|id| id.to_string())),
            models: top(by_model, |group| group.model.clone().filter(|model| !model.is_empty())),
        };
        let by_server =
            by_server.rows.into_iter().filter_map(|row| Some((row.group.server?.id?, row.totals))).collect();
        Ok((figures, by_server))
    }

    async fn sums(context: &RequestContext, span: Span, by: Option<Dimension>) -> Result<UsageReport, UiError> {
        let (from, to) = span.bounds();
        let query = UsageQuery {
            from: Some(from),
            to: Some(to),
            granularity: Some(Granularity::Total),
            // Only the sums of everything are shown with them.
            percentiles: Some(by.is_none()),
            group_by: by.map(|by| by.as_str().to_owned()),
            ..UsageQuery::default()
        };
        context.answer(context.services.stats.usage(&context.actor, query).await)
    }

    /// The first rows, which have most requests.
    fn top(report: UsageReport, value: impl Fn(&UsageGroup) -> Option<String>) -> Vec<Ranked> {
        let locale = crate::ssr::preferences().language.locale();
        let ranked = report.rows.into_iter().take(TOP).map(|row| Ranked {
            value: value(&row.group).unwrap_or_else(|| "none".to_owned()),
            name: group_name(locale, &row.group),
            totals: row.totals,
        });
        ranked.collect()
    }

    /// A server with its sums.
    pub(super) fn glance(server: ServerView, sums: &ByServer) -> ServerGlance {
        let totals = sums.iter().find(|(id, _)| *id == server.id).map(|(_, totals)| totals);
        ServerGlance {
            id: server.id,
            name: server.name,
            state: server.state,
            requests: totals.map_or(0, |totals| totals.requests),
            errors: totals.map_or(0, |totals| totals.errors),
        }
    }
}
