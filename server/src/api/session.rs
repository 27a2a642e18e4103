//! `/api/session`: signing in, out, and who one is.

use std::net::IpAddr;

use axum::Json;
use axum::extract::State;
use axum::response::{IntoResponse, Response};
use http::StatusCode;
use http::header::SET_COOKIE;
use serde::{Deserialize, Serialize};
use sluice::services::Actor;

use super::body::Input;
use crate::caller::Caller;
use crate::host::Host;
use crate::problem::Problem;
use crate::session_cookie;

/// A name and a password. No `Debug`: it would be a way into the log.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Credentials {
    username: String,
    password: String,
}

/// Who one is.
#[derive(Debug, Serialize)]
#[serde(tag = "kind", rename_all = "snake_case")]
pub(super) enum WhoAmI {
    /// Somebody who is signed in.
    User { username: String },
    /// The holder of a token.
    Token { name: String },
}

pub(super) async fn sign_in(
    State(host): State<Host>,
    caller: Caller,
    Input(credentials): Input<Credentials>,
) -> Result<Response, Problem> {
    let address: IpAddr = caller.context.client_address;
    let signed_in =
        caller.answer(host.services.sessions.sign_in(&credentials.username, &credentials.password, address).await)?;
    let cookie = session_cookie::granted(signed_in.token.expose(), signed_in.expires_in, caller.context.secure_cookies)
        .ok_or_else(Problem::internal)?;
    let body = Json(WhoAmI::User { username: signed_in.user.username });
    Ok((StatusCode::CREATED, [(SET_COOKIE, cookie)], body).into_response())
}

pub(super) async fn show(caller: Caller) -> Result<Json<WhoAmI>, Problem> {
    match caller.context.actor {
        Actor::User { username, .. } => Ok(Json(WhoAmI::User { username })),
        Actor::Token { name, .. } => Ok(Json(WhoAmI::Token { name })),
        // Neither comes this far: the one is refused before, the other has no way in through HTTP.
        Actor::Anonymous | Actor::Console => Err(Problem::internal()),
    }
}

pub(super) async fn sign_out(State(host): State<Host>, caller: Caller) -> Result<Response, Problem> {
    if let Some(token) = &caller.session {
        caller.answer(host.services.sessions.sign_out(token).await)?;
    }
    let cookie = session_cookie::withdrawn(caller.context.secure_cookies).ok_or_else(Problem::internal)?;
    Ok((StatusCode::NO_CONTENT, [(SET_COOKIE, cookie)]).into_response())
}
