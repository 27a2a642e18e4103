//! From a request to its response: reads, checks, and does what a script wants before the response head.
//!
//! Invariants: a POST outside `/_fake` is in the ledger from its head on; at most [`MAX_BODY_BYTES`] of a body are
//! read; a call that ends in an error here was cancelled, unless the script broke it off.

use std::sync::Arc;
use std::time::Instant;

use bytes::Bytes;
use http_body_util::{BodyExt, LengthLimitError, Limited};
use hyper::body::{Body, Incoming};
use hyper::http::request::Parts;
use hyper::{Method, Request, Response};

use crate::answer::Answer;
use crate::body::{Broken, ScriptedBody};
use crate::connection::Connection;
use crate::endpoints::generation::Kind;
use crate::endpoints::{admin, embeddings, generation, models};
use crate::failure::Failure;
use crate::ledger::{Call, Tokens};
use crate::quota::{write_retry, write_standing};
use crate::request::{ParsedRequest, bearer};
use crate::script::Script;
use crate::server::{Settings, Shared};
use crate::switch::Switch;
use crate::window::{Ask, Quota, Refusal};

/// The largest request body; more is answered with 413.
const MAX_BODY_BYTES: usize = 64 * 1024 * 1024;

#[derive(Debug, Clone, PartialEq, Eq)]
enum Route {
    Generation(Kind),
    Embeddings,
    Models,
    Model(String),
}

/// Answers a request. An error makes hyper drop the connection without an answer.
pub(crate) async fn answer(
    shared: Arc<Shared>,
    connection: Connection,
    request: Request<Incoming>,
) -> Result<Response<ScriptedBody>, Broken> {
    let (head, body) = request.into_parts();
    let path = head.uri.path();
    if path == "/_fake" || path.starts_with("/_fake/") {
        return Ok(admin::answer(&head.method, path, &shared.ledger, connection));
    }
    let number = shared.next_answer();
    let mut call = (head.method == Method::POST).then(|| shared.ledger.begin(path, &head.headers));
    let prepared = match read(body, call.as_mut()).await? {
        Ok(body) => prepare(&head, &body, &shared.settings),
        Err(failure) => Err(failure),
    };
    let (route, mut request) = match prepared {
        Ok(prepared) => prepared,
        Err(failure) => return Ok(Answer::failure(&failure).respond(&Script::default(), call, connection, number)),
    };
    let quota = request.script.quota();
    let model = request.model.clone();
    if let Some(quota) = &quota
        && let Err(refusal) = admit(&shared, quota, &route, &request, call.as_mut())
    {
        let failure = Failure::limited(&model, &refusal);
        let mut response = Answer::failure(&failure).respond(&Script::default(), call, connection, number);
        write_retry(response.headers_mut(), &refusal);
        announce(&shared, quota, &model, &mut response);
        return Ok(response);
    }
    if let Some(first) = request.script.status_first
        && !shared.history.lock().is_among_first(&model, first)
    {
        request.script.pardon();
    }
    let script = request.script.clone();
    before_head(&script, &mut call, &connection).await?;
    let answer = Answer::scripted(&script, &request.model, bearer(&head.headers)).unwrap_or_else(|| {
        route
            .answer(request, number, &shared.settings)
            .map_or_else(|failure| Answer::failure(&failure), |answer| answer.spoiled(&script))
    });
    let mut response = answer.respond(&script, call, connection, number);
    if let Some(quota) = &quota {
        announce(&shared, quota, &model, &mut response);
    }
    Ok(response)
}

/// Asks the upstream's own limits. A request counts from its arrival on, whatever becomes of it; one that the endpoint
/// will refuse has no tokens.
fn admit(
    shared: &Shared,
    quota: &Quota,
    route: &Route,
    request: &ParsedRequest,
    call: Option<&mut Call>,
) -> Result<(), Refusal> {
    let Tokens { prompt_tokens, completion_tokens, .. } = route.tokens(request).unwrap_or_default();
    let tokens = prompt_tokens.saturating_add(completion_tokens);
    let mut history = shared.history.lock();
    // Under the lock, because the moments of decisions must not go back.
    let now = Instant::now();
    let at = call.as_ref().map_or(now, |call| call.received_at());
    let result = history.take(&request.model, Ask { at, tokens }, quota, now);
    drop(history);
    if let (Err(_), Some(call)) = (result, call) {
        call.limit();
    }
    result
}

/// Writes what is left of the upstream's own limits at this moment.
fn announce(shared: &Shared, quota: &Quota, model: &str, response: &mut Response<ScriptedBody>) {
    let standing = shared.history.lock().standing(model, quota, Instant::now());
    write_standing(response.headers_mut(), &standing);
}

/// Reads a body; the outer error is a caller who left, the inner one a body that is too large.
async fn read(body: Incoming, call: Option<&mut Call>) -> Result<Result<Bytes, Failure>, Broken> {
    let too_large = || Ok(Err(Failure::too_large(MAX_BODY_BYTES)));
    // What is announced to be too large is refused before it is sent.
    if usize::try_from(body.size_hint().lower()).is_ok_and(|length| length > MAX_BODY_BYTES) {
        return too_large();
    }
    match Limited::new(body, MAX_BODY_BYTES).collect().await {
        Ok(body) => {
            let body = body.to_bytes();
            if let Some(call) = call {
                call.receive(&body);
            }
            Ok(Ok(body))
        }
        Err(error) if error.is::<LengthLimitError>() => too_large(),
        Err(_) => Err(Broken),
    }
}

fn prepare(head: &Parts, body: &[u8], settings: &Settings) -> Result<(Route, ParsedRequest), Failure> {
    let route = Route::of(&head.method, head.uri.path())?;
    let key = bearer(&head.headers);
    if settings.api_key.is_some() && settings.api_key.as_deref() != key {
        return Err(Failure::unauthorized(key));
    }
    let request = if head.method == Method::POST {
        ParsedRequest::from_body(body, &head.headers)?
    } else {
        ParsedRequest::from_headers(&head.headers)?
    };
    Ok((route, request))
}

/// What happens instead of a response head, or before it.
async fn before_head(script: &Script, call: &mut Option<Call>, connection: &Connection) -> Result<(), Broken> {
    if !script.latency.is_zero() {
        tokio::time::sleep(script.latency).await;
    }
    if script.has(Switch::Hang) {
        // Ends when hyper drops it, because the caller left or the upstream stops.
        std::future::pending::<()>().await;
    }
    let resets = script.has(Switch::Reset);
    if resets {
        connection.reset();
    }
    if resets || script.has(Switch::Close) {
        if let Some(call) = call {
            call.fault();
        }
        return Err(Broken);
    }
    Ok(())
}

impl Route {
    fn of(method: &Method, path: &str) -> Result<Self, Failure> {
        let (expected, route) = match path {
            "/v1/chat/completions" => (Method::POST, Self::Generation(Kind::Chat)),
            "/v1/completions" => (Method::POST, Self::Generation(Kind::Text)),
            "/v1/embeddings" => (Method::POST, Self::Embeddings),
            "/v1/models" => (Method::GET, Self::Models),
            _ => {
                let model = path.strip_prefix("/v1/models/").filter(|model| !model.is_empty());
                let model = model.ok_or_else(|| Failure::unknown_path(method.as_str(), path))?;
                (Method::GET, Self::Model(percent_decoded(model)))
            }
        };
        if *method == expected { Ok(route) } else { Err(Failure::wrong_method(method.as_str(), path)) }
    }

    /// The tokens of a good answer and its prompt.
    fn tokens(&self, request: &ParsedRequest) -> Result<Tokens, Failure> {
        match self {
            Self::Generation(kind) => generation::tokens(*kind, request),
            Self::Embeddings => embeddings::tokens(request),
            Self::Models | Self::Model(_) => Ok(Tokens::default()),
        }
    }

    fn answer(self, request: ParsedRequest, number: u64, settings: &Settings) -> Result<Answer, Failure> {
        match self {
            Self::Generation(kind) => generation::answer(kind, request, number),
            Self::Embeddings => embeddings::answer(&request),
            Self::Models => Ok(Answer::json(models::list(&settings.models), None)),
            Self::Model(id) => Ok(Answer::json(models::one(&settings.models, &id)?, None)),
        }
    }
}

/// Model names with a slash come encoded. What is not well encoded stays as it is.
fn percent_decoded(text: &str) -> String {
    let mut parts = text.split('%');
    let mut bytes = parts.next().unwrap_or_default().as_bytes().to_vec();
    for part in parts {
        let decoded = part.get(..2).and_then(|digits| u8::from_str_radix(digits, 16).ok());
        if let (Some(byte), Some(rest)) = (decoded, part.get(2..)) {
            bytes.push(byte);
            bytes.extend_from_slice(rest.as_bytes());
        } else {
            bytes.push(b'%');
            bytes.extend_from_slice(part.as_bytes());
        }
    }
    String::from_utf8_lossy(&bytes).into_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn paths_find_their_route() {
        assert_eq!(Route::of(&Method::GET, "/v1/models"), Ok(Route::Models));
        assert_eq!(Route::of(&Method::GET, "/v1/models/a%2Fb"), Ok(Route::Model("a/b".to_owned())));
        assert_eq!(Route::of(&Method::GET, "/v1/embeddings").map_err(|failure| failure.status.as_u16()), Err(405));
        assert_eq!(Route::of(&Method::POST, "/v1/models/").map_err(|failure| failure.status.as_u16()), Err(404));
    }

    #[test]
    fn percent_signs_that_encode_nothing_stay() {
        assert_eq!(percent_decoded("a%2Fb%zz%"), "a/b%zz%");
        assert_eq!(percent_decoded("%E6%B2%B3"), "河");
    }
}
