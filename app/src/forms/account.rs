//! Signing in and setting up.

use std::fmt;

use serde::{Deserialize, Serialize};

/// What the form for signing in sends.
#[derive(Clone, Default, Serialize, Deserialize)]
#[serde(default)]
pub struct SignInForm {
    /// The administrator's name.
    pub username: String,
    /// The password.
    pub password: String,
    /// The path that the person came for; only used through [`crate::query::Destination`].
    pub next: String,
}

impl fmt::Debug for SignInForm {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_struct("SignInForm").field("username", &self.username).finish_non_exhaustive()
    }
}

/// What the page of the set-up link sends.
#[derive(Clone, Default, Serialize, Deserialize)]
#[serde(default)]
pub struct SetupForm {
    /// The token from the set-up link.
    pub token: String,
    /// Name of the first administrator.
    pub username: String,
    /// The password.
    pub password: String,
    /// The password again.
    pub password_again: String,
}

impl fmt::Debug for SetupForm {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_struct("SetupForm").field("username", &self.username).finish_non_exhaustive()
    }
}

#[cfg(feature = "ssr")]
impl From<SetupForm> for sluice::model::SetupInput {
    fn from(form: SetupForm) -> Self {
        Self {
            token: form.token,
            username: form.username,
            password: form.password,
            password_again: form.password_again,
        }
    }
}
