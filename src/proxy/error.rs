//! What Sluice itself answers on the path of a request when it cannot pass on an upstream's answer.
//!
//! Every error has a stable `code` for programs, a status, and words that say what to do. None of them carries text
//! from inside the process or from the upstream: the reasons behind [`UpstreamFailure`] go to the log.

use std::borrow::Cow;
use std::time::Duration;

use crate::model::LimitName;
use crate::usage::budget::BudgetDenied;

/// An error that Sluice makes on the path of a request. The codes are listed in `docs/errors.md`.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum GatewayError {
    /// The body is not what the endpoint takes.
    #[error("The request body is not valid: {reason}.")]
    InvalidJson {
        /// What is wrong with it; positions and member names only.
        reason: String,
    },
    /// There is no usable `model` in the body.
    #[error("{reason}. Name one of the models that `GET /v1/models` lists.")]
    MissingModel {
        /// What is wrong with it.
        reason: &'static str,
    },
    /// The body came in an encoding that is not understood.
    #[error("The request body could not be decompressed; send it uncompressed or as gzip, deflate, br or zstd.")]
    InvalidEncoding,
    /// The client left while it was sending. Nobody reads this.
    #[error("The client left.")]
    ClientGone,
    /// The body did not arrive whole in time.
    #[error("The request body did not arrive within {seconds} s without a pause.")]
    BodyTimeout {
        /// How long one pause may be.
        seconds: u64,
    },
    /// The body is larger than allowed.
    #[error("The request body is larger than {max_bytes} bytes, which is the limit here (`limits.max_body_bytes`).")]
    RequestTooLarge {
        /// The limit.
        max_bytes: usize,
    },
    /// No key where one is needed, or one that does not exist (any more).
    #[error("{}", invalid_key_text(*.sent))]
    InvalidApiKey {
        /// Whether a key was sent at all.
        sent: bool,
    },
    /// The caller did not say which app it is.
    #[error("The `App-Name` header is missing. Send the name of your app in it, or use a key that is bound to an app.")]
    MissingAppName,
    /// The app's name cannot be one.
    #[error("The `App-Name` header must have 1 to 64 visible ASCII characters, without spaces.")]
    InvalidAppName,
    /// The key is bound to another app.
    #[error("This key is bound to another app than the one in the `App-Name` header; leave the header out.")]
    AppMismatch,
    /// The app is not registered and apps do not register themselves here, or too many did.
    #[error("The app in the `App-Name` header is not registered here. Ask an administrator to register it.")]
    AppNotRegistered,
    /// An administrator switched the app off.
    #[error("This app is switched off. Ask an administrator to switch it on.")]
    AppDisabled,
    /// The key may not use the model.
    #[error("This key may not use the model `{model}`. `GET /v1/models` lists those that it may use.")]
    ModelNotAllowed {
        /// The model as the client named it.
        model: String,
    },
    /// No server has the model.
    #[error("No server here has the model `{model}`. `GET /v1/models` lists the ones that can be called.")]
    ModelNotFound {
        /// The model as the client named it.
        model: String,
    },
    /// Servers have the model, but none of them takes requests.
    #[error(
        "The model `{model}` is configured here, but every server that has it is switched off. Ask an administrator."
    )]
    NoServerAvailable {
        /// The model as the client named it.
        model: String,
    },
    /// The request needs more tokens than a limit grants in a whole minute.
    #[error(
        "This request needs about {tokens} tokens, and the limit here is {limit} tokens per minute, so it could never be sent. Send a shorter input or ask for fewer output tokens (`max_tokens`)."
    )]
    TokensExceedLimit {
        /// Tokens that it needs.
        tokens: u64,
        /// The limit.
        limit: u32,
    },
    /// A budget of the app or the key has no room for the request.
    #[error("{0}")]
    BudgetExceeded(Box<BudgetDenied>),
    /// A limit is used up and nothing waits here, because the queue is switched off.
    #[error("The limit is used up ({}) and requests do not wait here. Try again in {} s.", limit_text(*.limit), whole_seconds(*.retry_after))]
    RateLimitExceeded {
        /// Which one.
        limit: LimitName,
        /// When there may be room.
        retry_after: Duration,
    },
    /// The request waited until its deadline.
    #[error(
        "The request waited {:.1} s in the queue and its turn did not come. There is more demand than the limits allow; try again later.",
        waited.as_secs_f32()
    )]
    QueueTimeout {
        /// How long.
        waited: Duration,
    },
    /// The request had to leave a queue, or found it full.
    #[error("{} Try again in {} s.", .how.text(), whole_seconds(*.retry_after))]
    QueueEvicted {
        /// Why.
        how: LeftQueue,
        /// When there may be room.
        retry_after: Duration,
    },
    /// The process is about to end.
    #[error("The gateway is shutting down; try again in a few seconds.")]
    ShuttingDown,
    /// The upstream could not be used.
    #[error("{}", .failure.client_text())]
    Upstream {
        /// Name of the server.
        server: String,
        /// What happened.
        failure: UpstreamFailure,
    },
    /// A fault of Sluice itself.
    #[error("Something went wrong inside the gateway. The administrator finds it in the log under this request's id.")]
    Internal,
}

/// Why a request had to leave a queue.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum LeftQueue {
    /// It was full, and this was the oldest one in it.
    Evicted,
    /// It was full, and new ones are refused.
    Full,
    /// An administrator took it out.
    Cancelled,
}

impl LeftQueue {
    const fn text(self) -> &'static str {
        match self {
            Self::Evicted => "The queue is full, and this request had to make way for a newer one.",
            Self::Full => "The queue is full.",
            Self::Cancelled => "An administrator took this request out of the queue.",
        }
    }
}

/// Why an upstream's answer could not be passed on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum UpstreamFailure {
    /// No connection could be made.
    Unreachable,
    /// The connection broke before the answer began.
    Broken,
    /// The address of the server is not allowed.
    AddressForbidden,
    /// No connection within the connect timeout.
    ConnectTimeout,
    /// Nothing came within the first-byte timeout.
    FirstByteTimeout(Duration),
    /// The total timeout ran out.
    TotalTimeout(Duration),
    /// A redirect, or bytes that are not HTTP.
    InvalidAnswer,
    /// The upstream rejects the credentials that Sluice has for it.
    AuthFailed,
}

impl UpstreamFailure {
    /// The stable code for programs.
    pub const fn code(self) -> &'static str {
        match self {
            Self::Unreachable | Self::Broken | Self::AddressForbidden => "upstream_unreachable",
            Self::ConnectTimeout | Self::FirstByteTimeout(_) | Self::TotalTimeout(_) => "upstream_timeout",
            Self::InvalidAnswer => "upstream_invalid_response",
            Self::AuthFailed => "upstream_auth_failed",
        }
    }

    /// Whether the upstream may have worked for the request, and counted its tokens, although no answer came.
    pub(super) const fn may_have_worked(self) -> bool {
        matches!(self, Self::Broken | Self::FirstByteTimeout(_) | Self::TotalTimeout(_))
    }

    const fn status(self) -> u16 {
        match self {
            Self::ConnectTimeout | Self::FirstByteTimeout(_) | Self::TotalTimeout(_) => 504,
            Self::Unreachable | Self::Broken | Self::AddressForbidden | Self::InvalidAnswer | Self::AuthFailed => 502,
        }
    }

    fn client_text(self) -> Cow<'static, str> {
        match self {
            Self::Unreachable => "The upstream server could not be reached. Try again, or ask an administrator.".into(),
            Self::Broken => "The upstream server closed the connection before it answered. Try again.".into(),
            Self::AddressForbidden => {
                "The upstream server's address is not allowed by this gateway. Ask an administrator.".into()
            }
            Self::ConnectTimeout => "The upstream server could not be reached in time. Try again.".into(),
            Self::FirstByteTimeout(waited) => {
                format!("The upstream server did not begin to answer within {} s.", waited.as_secs_f32()).into()
            }
            Self::TotalTimeout(waited) => {
                format!("The upstream server did not finish within {} s.", waited.as_secs_f32()).into()
            }
            Self::InvalidAnswer => "The upstream server's answer is not one that can be passed on.".into(),
            Self::AuthFailed => {
                "The upstream server rejected this gateway's own credentials; your key is fine. Ask an administrator to check the server's API key."
                    .into()
            }
        }
    }
}

impl GatewayError {
    /// The stable code for programs.
    pub const fn code(&self) -> &'static str {
        match self {
            Self::InvalidJson { .. } | Self::InvalidEncoding => "invalid_json",
            Self::MissingModel { .. } => "missing_model",
            Self::ClientGone => "client_closed",
            Self::BodyTimeout { .. } => "request_timeout",
            Self::RequestTooLarge { .. } => "request_too_large",
            Self::InvalidApiKey { .. } => "invalid_api_key",
            Self::MissingAppName => "missing_app_name",
            Self::InvalidAppName => "invalid_app_name",
            Self::AppMismatch => "app_mismatch",
            Self::AppNotRegistered => "app_not_registered",
            Self::AppDisabled => "app_disabled",
            Self::ModelNotAllowed { .. } => "model_not_allowed",
            Self::ModelNotFound { .. } => "model_not_found",
            Self::NoServerAvailable { .. } => "no_server_available",
            Self::TokensExceedLimit { .. } => "tokens_exceed_limit",
            Self::BudgetExceeded(_) => "budget_exceeded",
            Self::RateLimitExceeded { .. } => "rate_limit_exceeded",
            Self::QueueTimeout { .. } => "queue_timeout",
            Self::QueueEvicted { .. } => "queue_evicted",
            Self::ShuttingDown => "shutting_down",
            Self::Upstream { failure, .. } => failure.code(),
            Self::Internal => "internal_error",
        }
    }

    /// The HTTP status.
    pub const fn status(&self) -> u16 {
        match self {
            Self::InvalidJson { .. }
            | Self::InvalidEncoding
            | Self::MissingModel { .. }
            | Self::MissingAppName
            | Self::InvalidAppName
            | Self::TokensExceedLimit { .. } => 400,
            Self::InvalidApiKey { .. } => 401,
            Self::AppMismatch
            | Self::AppNotRegistered
            | Self::AppDisabled
            | Self::ModelNotAllowed { .. }
            | Self::BudgetExceeded(_) => 403,
            Self::ModelNotFound { .. } => 404,
            Self::BodyTimeout { .. } => 408,
            Self::RequestTooLarge { .. } => 413,
            Self::RateLimitExceeded { .. } => 429,
            // nginx's number for it; there is no standard one.
            Self::ClientGone => 499,
            Self::Internal => 500,
            Self::NoServerAvailable { .. } | Self::QueueEvicted { .. } | Self::ShuttingDown => 503,
            Self::QueueTimeout { .. } => 504,
            Self::Upstream { failure, .. } => failure.status(),
        }
    }

    /// The part of the request that the error is about, in OpenAI's `param`.
    pub const fn parameter(&self) -> Option<&'static str> {
        match self {
            Self::MissingModel { .. }
            | Self::ModelNotAllowed { .. }
            | Self::ModelNotFound { .. }
            | Self::NoServerAvailable { .. } => Some("model"),
            Self::MissingAppName | Self::InvalidAppName | Self::AppMismatch | Self::AppNotRegistered => {
                Some("App-Name")
            }
            Self::InvalidJson { .. }
            | Self::InvalidEncoding
            | Self::ClientGone
            | Self::BodyTimeout { .. }
            | Self::RequestTooLarge { .. }
            | Self::InvalidApiKey { .. }
            | Self::AppDisabled
            | Self::TokensExceedLimit { .. }
            | Self::BudgetExceeded(_)
            | Self::RateLimitExceeded { .. }
            | Self::QueueTimeout { .. }
            | Self::QueueEvicted { .. }
            | Self::ShuttingDown
            | Self::Upstream { .. }
            | Self::Internal => None,
        }
    }

    /// How long a client should wait before it tries again, where that can help.
    pub const fn retry_after(&self) -> Option<Duration> {
        match self {
            Self::RateLimitExceeded { retry_after, .. } | Self::QueueEvicted { retry_after, .. } => Some(*retry_after),
            Self::NoServerAvailable { .. } => Some(Duration::from_secs(30)),
            Self::ShuttingDown => Some(Duration::from_secs(5)),
            _ => None,
        }
    }

    /// Whether the official SDKs should be kept from trying again, because it cannot help. For the statuses that they
    /// retry by themselves (408, 409, 429 and 5xx), and for a budget, which other clients may take for a limit.
    pub const fn forbids_retry(&self) -> bool {
        matches!(
            self,
            Self::Upstream {
                failure: UpstreamFailure::AuthFailed
                    | UpstreamFailure::AddressForbidden
                    | UpstreamFailure::InvalidAnswer
                    | UpstreamFailure::TotalTimeout(_),
                ..
            } | Self::NoServerAvailable { .. }
                | Self::BudgetExceeded(_)
                | Self::QueueTimeout { .. }
                | Self::QueueEvicted { how: LeftQueue::Cancelled, .. }
        )
    }
}

/// A pause as `Retry-After` says it: whole seconds, never less than the pause, at least one.
pub const fn whole_seconds(pause: Duration) -> u64 {
    let seconds = if pause.subsec_nanos() > 0 { pause.as_secs().saturating_add(1) } else { pause.as_secs() };
    if seconds == 0 { 1 } else { seconds }
}

const fn limit_text(limit: LimitName) -> &'static str {
    match limit {
        LimitName::ServerRequests => "requests per minute of the server",
        LimitName::ServerTokens => "tokens per minute of the server",
        LimitName::ServerConcurrency => "requests at the same time on the server",
        LimitName::ServerPause => "the upstream asked for a pause",
        LimitName::AppRequests => "requests per minute of your app",
        LimitName::AppTokens => "tokens per minute of your app",
        LimitName::AppConcurrency => "requests at the same time of your app",
        LimitName::KeyRequests => "requests per minute of your key",
        LimitName::KeyTokens => "tokens per minute of your key",
        LimitName::KeyConcurrency => "requests at the same time of your key",
    }
}

const fn invalid_key_text(sent: bool) -> &'static str {
    if sent {
        "The API key is not valid (any more). Ask an administrator for a new one."
    } else {
        "An API key is needed: send it as `Authorization: Bearer <key>`."
    }
}
