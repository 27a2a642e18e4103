//! Limits and queues: what an administrator sets, and how full they are at this moment.

use serde::{Deserialize, Serialize};

use super::{Problem, ServerId};

/// What may go through a server, an app or a key. Each number counts per window of 60 s (`limits.window_seconds`), except
/// for the concurrency. None means no limit.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Limits {
    /// RPM: requests per minute, 1 to 10 000 000.
    pub requests_per_minute: Option<u32>,
    /// TPM: tokens per minute, input and output together, 1 to 1 000 000 000.
    pub tokens_per_minute: Option<u32>,
    /// Requests at the same time, 1 to 1 000 000.
    pub concurrency: Option<u32>,
}

impl Limits {
    /// Whether nothing is limited.
    pub const fn is_empty(&self) -> bool {
        self.requests_per_minute.is_none() && self.tokens_per_minute.is_none() && self.concurrency.is_none()
    }
}

/// How requests wait in front of a server.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct QueuePolicy {
    /// Most requests that wait at a time, 0 to 10 000. With 0 nothing waits: what is over a limit is refused with 429.
    pub length: u32,
    /// How long a request may wait in all, in milliseconds: 100 to 3 600 000.
    pub deadline_ms: u32,
    /// What happens when the queue is full.
    pub overflow: Overflow,
    /// Who is next.
    pub order: QueueOrder,
}

impl Default for QueuePolicy {
    fn default() -> Self {
        Self { length: 100, deadline_ms: 60_000, overflow: Overflow::default(), order: QueueOrder::default() }
    }
}

macro_rules! named_set {
    ($(#[$doc:meta])* $name:ident { $($(#[$variant_doc:meta])* $variant:ident = $text:literal;)+ }) => {
        $(#[$doc])*
        #[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
        #[serde(rename_all = "snake_case")]
        pub enum $name {
            $($(#[$variant_doc])* $variant,)+
        }

        impl $name {
            /// Every value, in the order in which forms offer them.
            pub const ALL: &[Self] = &[$(Self::$variant,)+];

            /// The stable name, in the database and in the API.
            pub const fn as_str(self) -> &'static str {
                match self { $(Self::$variant => $text,)+ }
            }
        }

        impl std::fmt::Display for $name {
            fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
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

pub(super) use named_set;

named_set!(
    /// What happens when a queue is full and one more request comes.
    Overflow {
        /// The request that has waited longest is answered with 503, and the new one waits.
        #[default]
        EvictOldest = "evict_oldest";
        /// The new request is answered with 503.
        RejectNewest = "reject_newest";
    }
);

named_set!(
    /// Which of the waiting requests is next. A key's priority comes before either.
    QueueOrder {
        /// The one that came first.
        #[default]
        Fifo = "fifo";
        /// Apps take turns; within an app, the one that came first.
        Fair = "fair";
    }
);

named_set!(
    /// How urgent the requests of a key are: while more urgent ones wait, others do not go.
    Priority {
        /// After all others.
        Low = "low";
        /// The default.
        #[default]
        Normal = "normal";
        /// Before all others.
        High = "high";
    }
);

/// How full a limit is at this moment.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Fill {
    /// What counts against the limit now. Can be more than the limit, because an answer may be larger than was expected.
    pub used: u64,
    /// The limit; none if there is none, and `used` is only for information.
    pub limit: Option<u32>,
    /// Until something of it is free again, in milliseconds; 0 if there is room now, none if that depends on requests
    /// that are under way.
    pub frees_in_ms: Option<u64>,
}

/// How full the limits of a server, an app or a key are, and who waits in front of them.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct LimitState {
    /// Requests in the window.
    pub requests: Fill,
    /// Tokens in the window: counted where they are known, expected where they are not.
    pub tokens: Fill,
    /// Requests under way.
    pub concurrency: Fill,
    /// How long a window is, in milliseconds.
    pub window_ms: u64,
    /// The line in front.
    pub queue: QueueState,
}

/// A waiting line at this moment.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct QueueState {
    /// Requests that wait.
    pub waiting: u32,
    /// Most that may wait.
    pub capacity: u32,
    /// How long the oldest has waited, in milliseconds; none if nobody waits.
    pub oldest_ms: Option<u64>,
    /// The requests that wait, in the order in which they will go, at most 100 of them.
    pub waiters: Vec<WaiterView>,
}

/// A request that waits.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct WaiterView {
    /// What to name when it is to be taken out: the request's own id, a UUID.
    pub id: String,
    /// The app that called.
    pub app_name: String,
    /// The model as the client named it.
    pub model: String,
    /// When it began to wait in this line, in milliseconds since 1970 UTC.
    pub since_ms: i64,
    /// How long it has waited in this line, in milliseconds.
    pub waited_ms: u64,
    /// Tokens that are reserved for it: its input and the output that is expected.
    pub tokens: u64,
    /// How urgent it is.
    pub priority: Priority,
}

/// What a server's upstream said about its own limits, in the answer headers `x-ratelimit-*`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct UpstreamQuota {
    /// Requests per window that the upstream grants.
    pub limit_requests: Option<u64>,
    /// Requests that are left.
    pub remaining_requests: Option<u64>,
    /// Tokens per window that the upstream grants.
    pub limit_tokens: Option<u64>,
    /// Tokens that are left.
    pub remaining_tokens: Option<u64>,
    /// When it said so, in milliseconds since 1970 UTC.
    pub seen_at_ms: i64,
}

/// A server's limits and queue at this moment.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ServerLimitState {
    /// The server.
    pub server_id: ServerId,
    /// Its limits and its queue.
    pub state: LimitState,
    /// For how long the upstream itself asked to be left alone, in milliseconds; none if it did not.
    pub paused_ms: Option<u64>,
    /// What the upstream said about its own limits, if it did.
    pub upstream: Option<UpstreamQuota>,
}
