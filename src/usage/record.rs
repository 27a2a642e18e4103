//! The usage record: the one row per request, in its narrow shape.

use std::borrow::Cow;

use serde::{Deserialize, Serialize};
use uuid::Uuid;

use crate::model::{AppId, Endpoint, KeyId, LimitName, Money, Outcome, ServerId, TokenCounts, TokenSource};

/// The app that called: registered, or named for the first time by this request.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum AppReference {
    /// An app of the catalog.
    Registered(AppId),
    /// A name that is not registered yet; the writer registers it together with the record.
    Named(String),
}

/// The one row per request. The journal keeps it as JSON: what is added later needs a default.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct UsageRecord {
    /// UUID v7, made when the request arrived: unique, and newer ones sort after older ones.
    pub id: Uuid,
    /// The id that the client sent, if it sent a sane one.
    pub client_request_id: Option<String>,
    /// When it arrived, in milliseconds since 1970 UTC.
    pub started_at_ms: i64,
    /// The app that called.
    pub app: AppReference,
    /// The key that was used.
    pub key_id: Option<KeyId>,
    /// The server that took it.
    pub server_id: Option<ServerId>,
    /// The public name of the model; if it does not exist, what the client named, at most 200 bytes of it.
    pub model: String,
    /// Whether the model exists. Sums know only models that do, or a client could fill the disk with names.
    #[serde(default)]
    pub model_exists: bool,
    /// The endpoint that was called.
    pub endpoint: Endpoint,
    /// Whether the client asked for a stream.
    pub streamed: bool,
    /// How it ended.
    pub outcome: Outcome,
    /// HTTP status that the client got, or would have got.
    pub status: u16,
    /// Sluice's error code, where Sluice made the error.
    pub error_code: Option<Cow<'static, str>>,
    /// Tries at targets.
    pub attempts: u16,
    /// How long it waited in queues, in milliseconds.
    pub queue_ms: u32,
    /// The limit that it waited for longest; none if it did not wait.
    pub limited_by: Option<LimitName>,
    /// When it was last written to a connection, in milliseconds since 1970 UTC; none if it never was.
    pub sent_at_ms: Option<i64>,
    /// Tokens that it was charged with against limits; none if it was not charged.
    pub charged_tokens: Option<i64>,
    /// Token counts as far as they are known.
    pub tokens: TokenCounts,
    /// Where the token counts come from.
    pub token_source: TokenSource,
    /// What it cost by the price that was valid when it arrived; none if nobody knows, or if it used no tokens.
    #[serde(default)]
    pub cost: Option<Money>,
    /// From arrival to the first byte of the answer, in milliseconds.
    pub first_byte_ms: Option<u32>,
    /// From arrival to the end, in milliseconds.
    pub duration_ms: u32,
}

#[cfg(test)]
pub(super) mod tests {
    use super::*;

    /// A record like any other.
    pub(crate) fn record() -> UsageRecord {
        UsageRecord {
            id: Uuid::now_v7(),
            client_request_id: None,
            started_at_ms: 1_790_000_000_000,
            app: AppReference::Named("app".to_owned()),
            key_id: None,
            server_id: None,
            model: "model".to_owned(),
            model_exists: true,
            endpoint: Endpoint::ChatCompletions,
            streamed: false,
            outcome: Outcome::Completed,
            status: 200,
            error_code: None,
            attempts: 1,
            queue_ms: 0,
            limited_by: None,
            sent_at_ms: None,
            charged_tokens: None,
            tokens: TokenCounts::default(),
            token_source: TokenSource::None,
            cost: None,
            first_byte_ms: Some(1),
            duration_ms: 2,
        }
    }
}
