//! What an administrator can do: servers, apps, keys, accounts, and looking at requests.
//!
//! Every method takes the [`Actor`] first and authorizes on its first line, then validates the whole input, then
//! decides. The dashboard and the REST API are two thin faces on these; a rule exists once, here. SQL is in
//! [`storage`](crate::storage). A change is written together with the new revision of the configuration, and the
//! catalog of this process is reloaded before the method returns, so that the next request already uses it.

mod accounts;
mod actor;
mod admin_tokens;
mod apps;
mod error;
mod keys;
mod master_key;
mod overview;
mod probe;
mod queues;
mod range;
mod requests;
mod selection;
mod servers;
mod sessions;
mod shared;
mod stats;
mod storage_use;
mod usage_report;
mod validate;

#[cfg(test)]
mod tests;

pub use accounts::Accounts;
pub use actor::Actor;
pub use admin_tokens::AdminTokens;
pub use apps::Apps;
pub use error::ServiceError;
pub use keys::Keys;
pub use master_key::open_key_ring;
pub use overview::OverviewService;
pub use queues::Queues;
pub use requests::Requests;
pub use servers::Servers;
pub use sessions::{Sessions, SignedIn};
pub use shared::{Services, ServicesSettings};
pub use stats::{OwnUsage, Owner, Stats};
pub use storage_use::StorageUse;
