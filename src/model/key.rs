//! Keys that Sluice issues to apps, as administrators see them.

use serde::{Deserialize, Serialize};

use super::{AppId, Budget, BudgetState, KeyId, Limits, Priority};

/// Whether a key can be used.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum KeyState {
    /// It opens `/v1`.
    Active,
    /// Its time ran out.
    Expired,
    /// An administrator revoked it.
    Revoked,
}

/// One issued key, without the key itself, which is shown once and never stored.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct KeyView {
    /// Its id.
    pub id: KeyId,
    /// What administrators call it.
    pub name: String,
    /// Its last four characters.
    pub hint: String,
    /// The app that it is bound to; without one, the caller names its app in the `App-Name` header.
    pub app_id: Option<AppId>,
    /// Name of that app.
    pub app_name: Option<String>,
    /// Public model names that it may use; empty means every model.
    pub models: Vec<String>,
    /// What may be sent with it.
    pub limits: Limits,
    /// What may be used with it in a day or a month, and how much of it is used.
    #[serde(default)]
    pub budgets: Vec<BudgetState>,
    /// How urgent its requests are.
    pub priority: Priority,
    /// Whether it can be used.
    pub state: KeyState,
    /// When it was issued, in milliseconds since 1970 UTC.
    pub created_at_ms: i64,
    /// When it ends by itself, in milliseconds since 1970 UTC.
    pub expires_at_ms: Option<i64>,
}

/// What can be chosen about a key.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct KeyInput {
    /// What administrators call it: 1 to 64 characters.
    pub name: String,
    /// The app to bind it to.
    #[serde(default)]
    pub app_id: Option<AppId>,
    /// Public model names that it may use; empty means every model.
    #[serde(default)]
    pub models: Vec<String>,
    /// What may be sent with it.
    #[serde(default)]
    pub limits: Limits,
    /// What may be used with it in a day or a month.
    #[serde(default)]
    pub budgets: Vec<Budget>,
    /// How urgent its requests are.
    #[serde(default)]
    pub priority: Priority,
    /// When it ends by itself, in milliseconds since 1970 UTC.
    #[serde(default)]
    pub expires_at_ms: Option<i64>,
}

/// A key at the only moment when it can be seen.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct CreatedKey {
    /// The key itself.
    pub key: String,
    /// What is stored of it.
    #[serde(flatten)]
    pub view: KeyView,
}

impl std::fmt::Debug for CreatedKey {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.debug_struct("CreatedKey").field("key", &"[redacted]").field("view", &self.view).finish()
    }
}
