//! `/_fake`: the ledger over HTTP, for processes that cannot link this crate. Needs no key and is not in the ledger.

use bytes::Bytes;
use hyper::header::CONTENT_TYPE;
use hyper::{HeaderMap, Method, Response, StatusCode};
use serde::Serialize;

use crate::body::ScriptedBody;
use crate::connection::Connection;
use crate::failure::Failure;
use crate::ledger::{Counts, Ledger, Tokens};
use crate::wire::json;

#[derive(Serialize)]
struct Stats {
    counts: Counts,
    totals: Tokens,
}

/// Answers a request below `/_fake`.
pub(crate) fn answer(method: &Method, path: &str, ledger: &Ledger, connection: Connection) -> Response<ScriptedBody> {
    let (status, body) = match (method.as_str(), path) {
        ("GET", "/_fake/stats") => (StatusCode::OK, stats(ledger)),
        ("GET", "/_fake/requests") => (StatusCode::OK, json(&ledger.requests()).into()),
        ("DELETE", "/_fake") => {
            ledger.clear();
            (StatusCode::OK, stats(ledger))
        }
        (method, path) => {
            let failure = Failure::unknown_path(method, path);
            (failure.status, failure.body())
        }
    };
    let mut response = Response::new(ScriptedBody::plain(body, connection));
    *response.status_mut() = status;
    let headers: &mut HeaderMap = response.headers_mut();
    headers.insert(CONTENT_TYPE, hyper::header::HeaderValue::from_static("application/json"));
    response
}

fn stats(ledger: &Ledger) -> Bytes {
    json(&Stats { counts: ledger.counts(), totals: ledger.totals() }).into()
}
