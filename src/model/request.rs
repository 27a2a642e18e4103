//! Requests as they are remembered: one row each, whatever way it ended.

use std::fmt;

use serde::{Deserialize, Serialize};

use super::{AppId, ExportFormat, KeyId, Money, Problem, ServerId};

macro_rules! stored_set {
    ($(#[$doc:meta])* $name:ident { $($(#[$variant_doc:meta])* $variant:ident = $code:literal, $text:literal;)+ }) => {
        $(#[$doc])*
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
        #[serde(rename_all = "snake_case")]
        pub enum $name {
            $($(#[$variant_doc])* #[serde(rename = $text)] $variant,)+
        }

        impl $name {
            /// Every value, in the order of their numbers.
            pub const ALL: &[Self] = &[$(Self::$variant,)+];

            /// The number that stands for it in the database; never given to another meaning.
            pub const fn code(self) -> i16 {
                match self { $(Self::$variant => $code,)+ }
            }

            /// What a number in the database stands for; `None` for one of a newer version.
            pub const fn from_code(code: i16) -> Option<Self> {
                match code { $($code => Some(Self::$variant),)+ _ => None }
            }

            /// The stable name in the API and in exports.
            pub const fn as_str(self) -> &'static str {
                match self { $(Self::$variant => $text,)+ }
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
                formatter.write_str(self.as_str())
            }
        }

        impl std::str::FromStr for $name {
            type Err = Problem;

            fn from_str(text: &str) -> Result<Self, Problem> {
                match text { $($text => Ok(Self::$variant),)+ _ => Err(Problem::Unknown) }
            }
        }
    };
}

stored_set!(
    /// How a request ended.
    Outcome {
        /// The upstream's whole answer reached the client.
        Completed = 1, "completed";
        /// The upstream answered with an error, or could not be reached in time.
        UpstreamError = 2, "upstream_error";
        /// The upstream broke off in the middle of its answer.
        UpstreamCut = 3, "upstream_cut";
        /// The client left before the end.
        ClientClosed = 4, "client_closed";
        /// Sluice refused the request.
        Rejected = 5, "rejected";
        /// It waited in a queue until its deadline.
        QueueTimeout = 6, "queue_timeout";
        /// It was taken out of a queue, or found it full.
        QueueEvicted = 7, "queue_evicted";
        /// The gateway ended while an upstream worked for it; its status is 0, nobody knows which one the client got.
        Interrupted = 8, "interrupted";
    }
);

stored_set!(
    /// The limit that a request waited for.
    LimitName {
        /// Requests per minute of the server.
        ServerRequests = 1, "server_requests";
        /// Tokens per minute of the server.
        ServerTokens = 2, "server_tokens";
        /// Concurrency of the server.
        ServerConcurrency = 3, "server_concurrency";
        /// The upstream asked to be left alone for a while.
        ServerPause = 4, "server_pause";
        /// Requests per minute of the app.
        AppRequests = 5, "app_requests";
        /// Tokens per minute of the app.
        AppTokens = 6, "app_tokens";
        /// Concurrency of the app.
        AppConcurrency = 7, "app_concurrency";
        /// Requests per minute of the key.
        KeyRequests = 8, "key_requests";
        /// Tokens per minute of the key.
        KeyTokens = 9, "key_tokens";
        /// Concurrency of the key.
        KeyConcurrency = 10, "key_concurrency";
    }
);

stored_set!(
    /// The endpoint that was called.
    Endpoint {
        /// `POST /v1/chat/completions`
        ChatCompletions = 1, "chat_completions";
        /// `POST /v1/completions`
        Completions = 2, "completions";
        /// `POST /v1/embeddings`
        Embeddings = 3, "embeddings";
    }
);

stored_set!(
    /// Where the token counts of a request come from.
    TokenSource {
        /// Nobody knows how many there were; the counts are empty, not zero.
        None = 0, "none";
        /// The upstream said so.
        Reported = 1, "reported";
        /// Sluice estimated them from the texts, because the upstream did not say.
        Estimated = 2, "estimated";
    }
);

/// Token counts as far as they are known. Nothing is ever stored as 0 because it is unknown.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct TokenCounts {
    /// Input tokens; includes the cached ones.
    pub input: Option<i64>,
    /// Input tokens that the upstream had cached.
    pub cached: Option<i64>,
    /// Output tokens; includes the reasoning ones.
    pub output: Option<i64>,
    /// Output tokens spent on reasoning.
    pub reasoning: Option<i64>,
}

/// One request in the list of requests.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct RequestView {
    /// Sluice's own id of the request: a UUID, newer ones sort after older ones.
    pub id: String,
    /// The id that the client sent in `x-request-id`, where it sent one.
    pub client_request_id: Option<String>,
    /// When it arrived, in milliseconds since 1970 UTC.
    pub started_at_ms: i64,
    /// The app that called.
    pub app_id: Option<AppId>,
    /// Name of that app.
    pub app_name: Option<String>,
    /// The key that was used.
    pub key_id: Option<KeyId>,
    /// Name of that key.
    pub key_name: Option<String>,
    /// The server that took it; none if it was refused before.
    pub server_id: Option<ServerId>,
    /// Name of that server.
    pub server_name: Option<String>,
    /// The public name of the model; if it does not exist, what the client named.
    pub model: String,
    /// The endpoint that was called.
    pub endpoint: Endpoint,
    /// Whether the client asked for a stream.
    pub streamed: bool,
    /// How it ended.
    pub outcome: Outcome,
    /// HTTP status that the client got, or would have got.
    pub status: u16,
    /// Sluice's error code, where Sluice made the error.
    pub error_code: Option<String>,
    /// Tries at targets.
    pub attempts: u16,
    /// How long it waited in queues, in milliseconds.
    pub queue_ms: u32,
    /// The limit that it waited for longest; none if it did not wait.
    pub limited_by: Option<LimitName>,
    /// Input tokens; includes the cached ones.
    pub input_tokens: Option<i64>,
    /// Input tokens that the upstream had cached.
    pub cached_tokens: Option<i64>,
    /// Output tokens; includes the reasoning ones.
    pub output_tokens: Option<i64>,
    /// Output tokens spent on reasoning.
    pub reasoning_tokens: Option<i64>,
    /// Where the token counts come from.
    pub token_source: TokenSource,
    /// What it cost; none if nobody knows, or if it used no tokens.
    pub cost: Option<Money>,
    /// From arrival to the first byte of the answer, in milliseconds.
    pub first_byte_ms: Option<u32>,
    /// From arrival to the end, in milliseconds.
    pub duration_ms: u32,
}

/// Which requests to list: those for which everything that is given holds. Lists are separated by commas; in a list, the
/// word `none` stands for requests that have no such thing.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct RequestQuery {
    /// Where to go on: `next` of the page before. None begins with the newest.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub cursor: Option<String>,
    /// Rows on a page: 1 to 200, 50 if none is given.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub limit: Option<u16>,
    /// Arrived at or after this: a date (`2026-11-01`, midnight in `tz`) or a time (RFC 3339).
    #[serde(skip_serializing_if = "Option::is_none")]
    pub from: Option<String>,
    /// Arrived before this time, or until the end of this date.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub to: Option<String>,
    /// IANA name of the time zone of dates. Default: the reporting time zone.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub tz: Option<String>,
    /// At these servers, by id or name.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub server: Option<String>,
    /// Of these apps, by id or name.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub app: Option<String>,
    /// With these keys, by id.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub key: Option<String>,
    /// For these models.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub model: Option<String>,
    /// With these outcomes.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub outcome: Option<String>,
    /// With this id: Sluice's own, or the one that the client sent.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub id: Option<String>,
    /// JSON, a page of it (the default), or CSV, all of it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub format: Option<ExportFormat>,
    /// Whether CSV begins with a byte order mark, as spreadsheets want it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub bom: Option<bool>,
}

/// A page of requests, newest first.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct RequestPage {
    /// The rows.
    pub rows: Vec<RequestView>,
    /// Cursor of the next page; none at the end.
    pub next: Option<String>,
}
