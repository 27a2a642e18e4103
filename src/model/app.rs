//! Apps as administrators see them.

use serde::{Deserialize, Serialize};

use super::{AppId, Budget, BudgetState, Limits};

/// One calling application.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct AppView {
    /// Its id.
    pub id: AppId,
    /// Its name, as sent in the `App-Name` header.
    pub name: String,
    /// Whether its requests are served.
    pub enabled: bool,
    /// Whether it was registered by its first request and not by an administrator.
    pub registered_by_request: bool,
    /// Keys that are bound to it and still valid.
    pub active_keys: u32,
    /// What it may send.
    pub limits: Limits,
    /// What it may use in a day or a month, and how much of it is used.
    #[serde(default)]
    pub budgets: Vec<BudgetState>,
    /// When it was registered, in milliseconds since 1970 UTC.
    pub created_at_ms: i64,
}

/// What is needed to register an app.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct AppInput {
    /// 1 to 64 visible ASCII characters.
    pub name: String,
    /// What it may send.
    #[serde(default)]
    pub limits: Limits,
    /// What it may use in a day or a month.
    #[serde(default)]
    pub budgets: Vec<Budget>,
}
