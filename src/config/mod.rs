//! Settings: defaults, then a file (TOML, YAML or JSON), then the environment; checked all at once.
//!
//! What an administrator changes while the gateway runs (servers, apps, keys) is not here but in the database.
//! `docs/configuration.md` documents every setting; a test holds the two together.

mod environment;
mod problem;
mod reader;
mod settings;

pub use problem::{SettingProblem, SettingsError};
pub use settings::{
    AccessSettings, AdminCredentials, DatabaseSettings, LogFormat, LogSettings, MasterKeySource, QueueSettings,
    SETTING_NAMES, Settings, TrafficLimits, UsageSettings,
};
