//! The interface between those who send requests and what decides when they may go.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use futures::future::BoxFuture;
use tokio::time::Instant;
use uuid::Uuid;

use crate::catalog::Snapshot;
use crate::model::{AppId, KeyId, LimitName, LimitState, Priority, ServerId, ServerLimitState, UpstreamQuota};

/// What has limits.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Owner {
    /// A server.
    Server(ServerId),
    /// An app.
    App(AppId),
    /// A key.
    Key(KeyId),
}

/// A request that wants to be let in.
#[derive(Clone, Debug)]
pub struct Ask {
    /// Its own id.
    pub id: Uuid,
    /// The app that calls: takes turns with others under the order `fair`.
    pub app_name: Arc<str>,
    /// The model as the client named it.
    pub model: Arc<str>,
    /// Tokens that its input has, as far as can be told.
    pub input_tokens: u64,
    /// Tokens that its answer will have, as far as can be told.
    pub output_tokens: u64,
    /// Whether the client itself set `output_tokens` as the most that the answer may have. If not, it is a guess, and a
    /// request is not refused because of a guess.
    pub output_is_bound: bool,
    /// How urgent it is.
    pub priority: Priority,
}

/// Whether a request waits when there is no room.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Patience {
    /// It does not: it is admitted now or not at all.
    None,
    /// It does.
    Since {
        /// When the request began to wait, in whatever line.
        began: Instant,
        /// How long it waits from then on; none for as long as the queue's own deadline says.
        deadline: Option<Duration>,
        /// The turn that it had, if it was let in before and came back without an answer: it has it again.
        returns: Option<Turn>,
    },
}

/// The turn of a request at one owner, among those that came before and after it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Turn(pub(super) u64);

/// What became of a request that asked to be let in.
pub enum Admission {
    /// It may go.
    Admitted(Permit),
    /// It waits.
    Waiting {
        /// What for.
        limit: LimitName,
        /// Its end. Dropping it leaves the queue at once.
        permit: BoxFuture<'static, Result<Permit, Refusal>>,
    },
    /// It may not go.
    Refused(Refusal),
}

impl fmt::Debug for Admission {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(match self {
            Self::Admitted(_) => "Admitted",
            Self::Waiting { .. } => "Waiting",
            Self::Refused(_) => "Refused",
        })
    }
}

/// Why a request may not go.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Refusal {
    /// It needs more tokens than the limit grants in a whole window.
    NeverFits {
        /// Tokens that it needs.
        tokens: u64,
        /// The limit.
        limit: u32,
    },
    /// There is no room now, and it does not wait: the queue is switched off, or it was not asked to.
    NoRoom {
        /// The limit.
        limit: LimitName,
        /// When there may be room.
        retry_after: Duration,
    },
    /// It waited until its deadline.
    TimedOut {
        /// How long.
        waited: Duration,
    },
    /// The queue was full, and it was the one to go.
    Evicted {
        /// When there may be room.
        retry_after: Duration,
    },
    /// The queue was full, and new requests are refused.
    QueueFull {
        /// When there may be room.
        retry_after: Duration,
    },
    /// An administrator took it out of the queue.
    Cancelled,
    /// What it waited for was switched off or deleted.
    Gone,
    /// The process is about to end.
    ShuttingDown,
}

/// What is known of a request's tokens when its books are closed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Settled {
    /// It took this many, input and output together.
    Known(u64),
    /// Nobody knows: what was reserved stays charged.
    Unknown,
    /// The upstream did no work for it: its tokens are given back. Its request still counts.
    Nothing,
}

/// The part of a limit that one request has. Dropping it gives the place back; what becomes of the rest depends on what
/// was said before: nothing is charged for a request that was never [sent](Permit::sent).
pub struct Permit(Box<dyn Held>);

impl Permit {
    /// Wraps what an implementation keeps for the request.
    pub fn new(held: Box<dyn Held>) -> Self {
        Self(held)
    }

    /// The request goes to an upstream now: from here on its window counts.
    pub fn sent(&mut self) {
        self.0.sent();
    }

    /// The request was written to a connection that was dead, and goes out once more: it counts from now on, and once.
    pub fn sent_again(&mut self) {
        self.0.sent_again();
    }

    /// The turn that the request had.
    pub fn turn(&self) -> Turn {
        self.0.turn()
    }

    /// Closes the books of the request. Returns the tokens that stay charged.
    pub fn settle(mut self, settled: Settled) -> u64 {
        self.0.settle(settled)
    }

    /// How much is left for others at this moment.
    pub fn headroom(&self) -> Headroom {
        self.0.headroom()
    }
}

impl fmt::Debug for Permit {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_struct("Permit").finish_non_exhaustive()
    }
}

/// What an implementation keeps for an admitted request. Dropping it gives the place back.
pub trait Held: Send + Sync {
    /// See [`Permit::sent`].
    fn sent(&mut self);
    /// See [`Permit::sent_again`].
    fn sent_again(&mut self);
    /// See [`Permit::turn`].
    fn turn(&self) -> Turn;
    /// See [`Permit::settle`]. Called at most once.
    fn settle(&mut self, settled: Settled) -> u64;
    /// See [`Permit::headroom`].
    fn headroom(&self) -> Headroom;
}

/// What is left of one limit.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Room {
    /// The limit.
    pub limit: u32,
    /// What is left of it.
    pub remaining: u32,
    /// Until all of it is free, if nothing else comes.
    pub reset: Duration,
}

/// What is left of the limits that count per window; none where there is no limit.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Headroom {
    /// Requests.
    pub requests: Option<Room>,
    /// Tokens.
    pub tokens: Option<Room>,
}

/// Decides when requests may go.
pub trait Limiter: fmt::Debug + Send + Sync {
    /// Lets a request in, has it wait, or refuses it.
    fn admit(&self, owner: Owner, ask: &Ask, patience: Patience) -> Admission;

    /// How much is left at an owner at this moment; nothing if it does not exist.
    fn headroom(&self, owner: Owner) -> Headroom;

    /// How many tokens this model's answers have recently had.
    fn expected_output(&self, model: &str) -> u64;

    /// An answer of this model had so many tokens.
    fn learn_output(&self, model: &str, tokens: u64);

    /// The upstream of a server asked to be left alone for so long.
    fn pause(&self, server: ServerId, pause: Duration);

    /// The upstream of a server said something about its own limits.
    fn observe(&self, server: ServerId, quota: UpstreamQuota);

    /// Puts the limits of a configuration in force, also for requests that wait. Older configurations than the last one
    /// are ignored.
    fn apply(&self, snapshot: &Snapshot);

    /// The process is about to end: whoever still waits at `until` is refused.
    fn drain(&self, until: Instant);

    /// The limits and the queue of one server at this moment; none if it does not exist.
    fn server(&self, server: ServerId) -> BoxFuture<'_, Option<ServerLimitState>>;

    /// The limits and queues of all servers at this moment.
    fn servers(&self) -> BoxFuture<'_, Vec<ServerLimitState>>;

    /// The limits and the queue of one owner at this moment; none if it has neither limits nor requests.
    fn state(&self, owner: Owner) -> BoxFuture<'_, Option<LimitState>>;

    /// Takes a waiting request out of the queue of a server. False if it does not wait there (any more).
    fn cancel(&self, server: ServerId, request: Uuid) -> BoxFuture<'_, bool>;
}
