//! What the dashboard needs besides the resources themselves.

use serde::{Deserialize, Serialize};

use super::{AccessPolicy, UserId};

/// The administrator who is signed in.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct UserView {
    /// Its id.
    pub id: UserId,
    /// Its name.
    pub username: String,
}

/// What the page of the one-time set-up link sends.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct SetupInput {
    /// The token from the set-up link.
    pub token: String,
    /// Name of the first administrator.
    pub username: String,
    /// Password of the first administrator.
    pub password: String,
    /// The same password again.
    pub password_again: String,
}

impl std::fmt::Debug for SetupInput {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.debug_struct("SetupInput").field("username", &self.username).finish_non_exhaustive()
    }
}

/// How many requests ended in the last seconds.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct RequestRate {
    /// Requests.
    pub requests: u64,
    /// Over so many seconds.
    pub seconds: u32,
}

/// How far an installation is, for the first page.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Overview {
    /// Servers that exist.
    pub servers: u32,
    /// Servers that take requests.
    pub servers_enabled: u32,
    /// Distinct public model names that can be called now.
    pub models: u32,
    /// Apps that exist.
    pub apps: u32,
    /// Keys that can be used.
    pub active_keys: u32,
    /// Whether any request was recorded.
    pub has_requests: bool,
    /// Whether callers need a key.
    pub access_policy: AccessPolicy,
}
