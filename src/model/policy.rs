//! Who may call `/v1`, and what becomes of an app's name that nobody registered.

use serde::{Deserialize, Serialize};

/// Whether callers of `/v1` need a key.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum AccessPolicy {
    /// A key is required; without one the answer is 401.
    #[default]
    Keys,
    /// No key is needed: for a trusted network. A key that is sent and looks like an issued one must still be
    /// valid; any other is ignored.
    Open,
}

/// What happens to an `App-Name` that is not registered.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum AppRegistration {
    /// It is registered as a new app, up to the bound on the number of apps.
    #[default]
    Auto,
    /// It is refused with 403.
    KnownOnly,
}

/// Whether a server's base URL may lead to a private address.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum PrivateAddresses {
    /// Loopback and private ranges are fine: self-hosted models.
    #[default]
    Allow,
    /// Only public addresses.
    Deny,
}
