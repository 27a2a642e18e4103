//! Who asks: finds the actor of a request to the dashboard or the administration API.
//!
//! A session's cookie or a bearer token, nothing else; without either the actor is anonymous, and the services decide
//! what that may do. A bearer token that is not valid is refused here, even if a good cookie came along.

use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;

use axum::extract::{ConnectInfo, FromRequestParts, Request, State};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use http::header::{AUTHORIZATION, COOKIE, HOST};
use http::request::Parts;
use http::{HeaderMap, StatusCode};
use sluice::identity::client_address;
use sluice::model::Refusal;
use sluice::services::{Actor, ServiceError};
use sluice::telemetry::ErrorChain;
use sluice_app::ssr::{RequestContext, SESSION_COOKIE};

use crate::host::Host;
use crate::problem::Problem;
use crate::request_scope::RequestId;
use crate::security::bearer_token;

/// Who asks, and with what.
#[derive(Clone)]
pub struct Caller {
    /// What pages, server functions and the API need to answer.
    pub context: RequestContext,
    /// Token of the session, if that is how the caller is known.
    pub session: Option<Arc<str>>,
}

impl Caller {
    /// Who asks.
    pub const fn actor(&self) -> &Actor {
        &self.context.actor
    }

    /// Turns a service's refusal into a problem. What failed inside is logged here, once.
    pub fn answer<T>(&self, result: Result<T, ServiceError>) -> Result<T, Problem> {
        result.map_err(|error| problem_of(&error, &self.context.request_id))
    }
}

fn problem_of(error: &ServiceError, request_id: &str) -> Problem {
    if error.is_failure() {
        tracing::error!(request_id, error = %ErrorChain(error), "an administrator's request failed");
    }
    Problem::from(&error.refusal(request_id))
}

impl<S: Sync> FromRequestParts<S> for Caller {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, _state: &S) -> Result<Self, Problem> {
        parts.extensions.get::<Self>().cloned().ok_or_else(|| {
            tracing::error!("a route stands outside of the layer that finds its caller");
            Problem::internal()
        })
    }
}

/// Finds the caller and hands it to the routes.
pub async fn identify(State(host): State<Host>, request: Request, next: Next) -> Response {
    let (mut parts, body) = request.into_parts();
    match find(&host, &parts).await {
        Ok(caller) => {
            parts.extensions.insert(caller);
            next.run(Request::from_parts(parts, body)).await
        }
        Err(problem) => problem.into_response(),
    }
}

/// Refuses anonymous callers before anything of their request is read.
pub async fn require(caller: Caller, request: Request, next: Next) -> Response {
    match caller.actor() {
        Actor::Anonymous => Problem::from(&Refusal::SignInRequired).into_response(),
        Actor::User { .. } | Actor::Token { .. } | Actor::Console => next.run(request).await,
    }
}

async fn find(host: &Host, parts: &Parts) -> Result<Caller, Problem> {
    let Parts { headers, extensions, .. } = parts;
    let request_id = extensions.get::<RequestId>().map(|id| id.0.to_string()).unwrap_or_default();
    let peer = extensions
        .get::<ConnectInfo<SocketAddr>>()
        .map_or(IpAddr::from([0, 0, 0, 0]), |ConnectInfo(address)| address.ip().to_canonical());
    let forwarded_for = headers.get_all("x-forwarded-for").iter().map(|value| value.to_str().unwrap_or_default());
    let client_address = client_address(peer, forwarded_for, &host.trusted_proxies);
    let (actor, session) = authenticate(host, headers, &request_id).await?;
    let context = RequestContext {
        services: Arc::clone(&host.services),
        actor,
        request_id,
        client_address,
        secure_cookies: host.outside.is_encrypted,
        origin: origin(host, headers),
    };
    Ok(Caller { context, session })
}

async fn authenticate(
    host: &Host,
    headers: &HeaderMap,
    request_id: &str,
) -> Result<(Actor, Option<Arc<str>>), Problem> {
    let failed = |error: ServiceError| problem_of(&error, request_id);
    if let Some(token) = headers.get(AUTHORIZATION).and_then(|value| value.to_str().ok()).and_then(bearer_token) {
        let actor = host.services.admin_tokens.authenticate(token).await.map_err(failed)?;
        return actor.map(|actor| (actor, None)).ok_or_else(token_refused);
    }
    if let Some(token) = session_token(headers)
        && let Some(actor) = host.services.sessions.authenticate(token).await.map_err(failed)?
    {
        return Ok((actor, Some(Arc::from(token))));
    }
    Ok((Actor::Anonymous, None))
}

fn token_refused() -> Problem {
    Problem::new(
        StatusCode::UNAUTHORIZED,
        "invalid_token",
        "This token is not valid",
        "it is wrong or was revoked; `sluice token create` makes a new one (keys for `/v1` do not open `/api`)",
    )
}

fn session_token(headers: &HeaderMap) -> Option<&str> {
    headers
        .get_all(COOKIE)
        .iter()
        .filter_map(|header| header.to_str().ok())
        .flat_map(|header| header.split(';'))
        .find_map(|pair| pair.trim().split_once('=').filter(|(name, _)| *name == SESSION_COOKIE))
        .map(|(_, value)| value)
        .filter(|value| !value.is_empty())
}

/// Scheme, host and port that the caller used; the settings' word counts more than the caller's.
fn origin(host: &Host, headers: &HeaderMap) -> String {
    if let Some(origin) = &host.outside.public_origin {
        return origin.to_string();
    }
    let authority = headers
        .get(HOST)
        .and_then(|value| value.to_str().ok())
        .and_then(|value| value.parse::<http::uri::Authority>().ok());
    format!("http://{}", authority.as_ref().map_or("127.0.0.1:8080", http::uri::Authority::as_str))
}
