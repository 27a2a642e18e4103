//! Tokens for the administration API.

use serde::{Deserialize, Serialize};

use super::AdminTokenId;

/// One token for the administration API, without the token itself.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct AdminTokenView {
    /// Its id.
    pub id: AdminTokenId,
    /// What administrators call it.
    pub name: String,
    /// Its last four characters.
    pub hint: String,
    /// When it was issued, in milliseconds since 1970 UTC.
    pub created_at_ms: i64,
    /// When it was revoked, in milliseconds since 1970 UTC.
    pub revoked_at_ms: Option<i64>,
}

/// A token at the only moment when it can be seen.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct CreatedAdminToken {
    /// The token itself.
    pub token: String,
    /// What is stored of it.
    #[serde(flatten)]
    pub view: AdminTokenView,
}

impl std::fmt::Debug for CreatedAdminToken {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.debug_struct("CreatedAdminToken").field("token", &"[redacted]").field("view", &self.view).finish()
    }
}
