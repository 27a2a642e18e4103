//! The administration API under `/api`: the powers of the dashboard for programs.
//!
//! A file per resource, each handler three steps: read the request, call the service, write the answer. Callers are
//! known by a session's cookie or a token; anonymous ones are refused before their request is read, and once more by
//! each service. Every error is a [`Problem`].

mod apps;
mod body;
mod keys;
mod live;
mod models;
mod overview;
mod page;
mod queues;
mod requests;
mod servers;
mod session;
mod stats;
mod storage;

use axum::Router;
use axum::extract::Request;
use axum::middleware::{self, Next};
use axum::response::Response;
use axum::routing::{MethodRouter, any, delete, get, patch, post, put};
use http::Method;

use crate::caller::{self, Caller};
use crate::host::Host;
use crate::problem::Problem;
use crate::security;

/// The path at which anonymous callers may sign in, and the only thing that they may do.
const SIGN_IN: (Method, &str) = (Method::POST, "/api/session");

/// All routes under `/api` except those of server functions. They need the layer of [`crate::caller::identify`].
pub fn router(host: Host) -> Router {
    let mut router = Router::new();
    for (_, path, handler) in routes() {
        router = router.route(path, handler);
    }
    router
        .route("/api", any(unknown))
        .route("/api/{*path}", any(unknown))
        .layer(middleware::from_fn(security::limit_body))
        // Around the layer that reads the body: nothing of an anonymous caller's is read.
        .layer(middleware::from_fn(require_caller))
        .with_state(host)
}

/// Every method and path of the API, for documentation and for the test that knocks at all of them.
pub fn paths() -> Vec<(Method, &'static str)> {
    routes().into_iter().map(|(method, path, _)| (method, path)).collect()
}

#[rustfmt::skip]
fn routes() -> Vec<(Method, &'static str, MethodRouter<Host>)> {
    vec![
        (Method::GET, "/api/servers", get(servers::list)),
        (Method::POST, "/api/servers", post(servers::create)),
        (Method::PUT, "/api/servers/order", put(servers::reorder)),
        (Method::POST, "/api/servers/probe", post(servers::probe)),
        (Method::GET, "/api/servers/{id}", get(servers::show)),
        (Method::PUT, "/api/servers/{id}", put(servers::update)),
        (Method::PATCH, "/api/servers/{id}", patch(servers::set_enabled)),
        (Method::DELETE, "/api/servers/{id}", delete(servers::remove)),
        (Method::POST, "/api/servers/{id}/test", post(servers::test)),
        (Method::GET, "/api/servers/{id}/models", get(servers::models)),
        (Method::GET, "/api/servers/{id}/limits", get(queues::server)),
        (Method::DELETE, "/api/servers/{id}/queue/{request_id}", delete(queues::cancel)),
        (Method::GET, "/api/apps", get(apps::list)),
        (Method::POST, "/api/apps", post(apps::create)),
        (Method::GET, "/api/apps/{id}", get(apps::show)),
        (Method::PATCH, "/api/apps/{id}", patch(apps::change)),
        (Method::DELETE, "/api/apps/{id}", delete(apps::remove)),
        (Method::GET, "/api/apps/{id}/limits", get(queues::app)),
        (Method::GET, "/api/keys", get(keys::list)),
        (Method::POST, "/api/keys", post(keys::create)),
        (Method::GET, "/api/keys/{id}", get(keys::show)),
        (Method::PUT, "/api/keys/{id}", put(keys::update)),
        (Method::DELETE, "/api/keys/{id}", delete(keys::revoke)),
        (Method::GET, "/api/keys/{id}/limits", get(queues::key)),
        (Method::GET, "/api/limits", get(queues::list)),
        (Method::GET, "/api/models", get(models::list)),
        (Method::GET, "/api/overview", get(overview::show)),
        (Method::GET, "/api/requests", get(requests::list)),
        (Method::GET, "/api/stats/usage", get(stats::usage)),
        (Method::GET, "/api/storage", get(storage::show)),
        (Method::GET, "/api/live", get(live::follow)),
        (Method::POST, "/api/session", post(session::sign_in)),
        (Method::GET, "/api/session", get(session::show)),
        (Method::DELETE, "/api/session", delete(session::sign_out)),
    ]
}

async fn require_caller(caller: Caller, request: Request, next: Next) -> Response {
    if (request.method(), request.uri().path()) == (&SIGN_IN.0, SIGN_IN.1) {
        return next.run(request).await;
    }
    caller::require(caller, request, next).await
}

async fn unknown() -> Problem {
    Problem::path_not_found()
}
