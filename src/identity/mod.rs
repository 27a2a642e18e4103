//! Users, passwords and sessions: the rules that need no database.
//!
//! Storage is in [`storage`](crate::storage), hashing in [`crypto`](crate::crypto); [`services`](crate::services) puts
//! them together.

mod client_address;
mod login_throttle;
mod rules;
mod session;

pub use client_address::client_address;
/// A network of addresses, e.g. `10.0.0.0/8`.
pub use ipnet::IpNet;
pub use login_throttle::LoginThrottle;
pub use rules::{check_password, check_username, is_too_long_to_hash};
pub use session::{SessionSettings, SessionTimes};
