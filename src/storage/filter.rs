//! Which requests are meant, in rows and in sums alike.

use crate::model::{AppId, KeyId, Outcome, ServerId};

/// Some values, and whether requests without one are meant too.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Selection<T> {
    /// The values, each once.
    pub(crate) any_of: Vec<T>,
    /// Whether requests that have no such thing are meant too.
    pub(crate) or_none: bool,
}

/// Which requests are meant: those for which all of it holds. None stands for every request.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct RequestFilter {
    /// At these servers.
    pub(crate) servers: Option<Selection<ServerId>>,
    /// Of these apps.
    pub(crate) apps: Option<Selection<AppId>>,
    /// With these keys.
    pub(crate) keys: Option<Selection<KeyId>>,
    /// For these models.
    pub(crate) models: Option<Selection<String>>,
    /// With these outcomes.
    pub(crate) outcomes: Option<Vec<Outcome>>,
}
