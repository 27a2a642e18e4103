//! Asking an upstream for its models.
//!
//! What the upstream says is never passed on as text, because it may quote the key: it becomes a list of names or one
//! of a closed set of failures.

use std::time::Duration;

use http::header::{ACCEPT, AUTHORIZATION};
use reqwest::{Client, Response, StatusCode};
use serde::Deserialize;
use tokio::time::{Instant, timeout};
use url::Url;

use crate::crypto::Secret;
use crate::model::bounds::MODELS_PER_SERVER_MAX;
use crate::model::{ProbeFailure, ProbeReport, is_model_name};
use crate::outbound::OutboundFailure;
use crate::provider::openai::{authorization, models_url};

/// Longest answer that is read, in bytes.
const ANSWER_MAX: usize = 4 << 20;

/// Asks `{base_url}/models`, within a time limit for everything.
pub(super) async fn probe(client: &Client, base_url: &Url, key: Option<&Secret>, limit: Duration) -> ProbeReport {
    let begin = Instant::now();
    let outcome = match timeout(limit, ask(client, base_url, key)).await {
        Ok(Err(ProbeFailure::TimedOut { .. })) | Err(_) => {
            let seconds = u32::try_from(limit.as_millis().div_ceil(1000)).unwrap_or(u32::MAX);
            Err(ProbeFailure::TimedOut { seconds })
        }
        Ok(outcome) => outcome,
    };
    let latency_ms = u32::try_from(begin.elapsed().as_millis()).unwrap_or(u32::MAX);
    ProbeReport { latency_ms, outcome }
}

async fn ask(client: &Client, base_url: &Url, key: Option<&Secret>) -> Result<Vec<String>, ProbeFailure> {
    let mut request = client.get(models_url(base_url)).header(ACCEPT, "application/json");
    if let Some(key) = key {
        // Every key is checked before it is stored; with one that no header can hold, there is no request.
        request = request.header(AUTHORIZATION, authorization(key).ok_or(ProbeFailure::Interrupted)?);
    }
    let response = request.send().await.map_err(|error| failure(&error))?;
    let status = response.status();
    match status.as_u16() {
        200..=299 => {}
        status @ (401 | 403) => return Err(ProbeFailure::KeyRefused { status }),
        404 => return Err(ProbeFailure::PathNotFound),
        status @ 300..=399 => return Err(ProbeFailure::Redirected { status }),
        status => return Err(ProbeFailure::UnexpectedStatus { status }),
    }
    if status == StatusCode::NO_CONTENT {
        return Err(ProbeFailure::NotAModelList);
    }
    model_names(&read(response).await?)
}

async fn read(mut response: Response) -> Result<Vec<u8>, ProbeFailure> {
    let mut answer = Vec::new();
    while let Some(piece) = response.chunk().await.map_err(|error| match failure(&error) {
        timed_out @ ProbeFailure::TimedOut { .. } => timed_out,
        _ => ProbeFailure::Interrupted,
    })? {
        if answer.len().saturating_add(piece.len()) > ANSWER_MAX {
            return Err(ProbeFailure::NotAModelList);
        }
        answer.extend_from_slice(&piece);
    }
    Ok(answer)
}

#[derive(Deserialize)]
#[serde(untagged)]
enum Answer {
    /// What OpenAI answers.
    List { data: Vec<Model> },
    /// What some compatible servers answer.
    Bare(Vec<Model>),
}

#[derive(Deserialize)]
struct Model {
    id: String,
}

fn model_names(answer: &[u8]) -> Result<Vec<String>, ProbeFailure> {
    let answer: Answer = serde_json::from_slice(answer).map_err(|_| ProbeFailure::NotAModelList)?;
    let (Answer::List { data: models } | Answer::Bare(models)) = answer;
    let mut names: Vec<String> = models.into_iter().map(|model| model.id).filter(|name| is_model_name(name)).collect();
    names.sort_unstable();
    names.dedup();
    names.truncate(usize::try_from(MODELS_PER_SERVER_MAX).unwrap_or(usize::MAX));
    Ok(names)
}

fn failure(error: &reqwest::Error) -> ProbeFailure {
    match OutboundFailure::of(error) {
        OutboundFailure::NameNotFound => ProbeFailure::NameNotFound,
        OutboundFailure::AddressRefused(_) => ProbeFailure::AddressForbidden,
        OutboundFailure::Tls => ProbeFailure::TlsFailed,
        OutboundFailure::TimedOut => ProbeFailure::TimedOut { seconds: 0 },
        OutboundFailure::Connect => ProbeFailure::ConnectionFailed,
        OutboundFailure::Interrupted => ProbeFailure::Interrupted,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sorts_names_and_drops_what_is_none() {
        let answer = br#"{"object":"list","data":[{"id":"b"},{"id":"a","x":1},{"id":"b"},{"id":""},{"id":"a\u0007"}]}"#;
        assert_eq!(model_names(answer), Ok(vec!["a".to_owned(), "b".to_owned()]));
        assert_eq!(model_names(br#"[{"id":"a"}]"#), Ok(vec!["a".to_owned()]));
        assert_eq!(model_names(br#"{"data":[]}"#), Ok(vec![]));
    }

    #[test]
    fn knows_what_is_no_list() {
        for answer in [&b"<html>"[..], b"", b"{}", b"null", br#"{"data":[{"name":"a"}]}"#, &b"[".repeat(100_000)] {
            assert_eq!(model_names(answer), Err(ProbeFailure::NotAModelList));
        }
    }
}
