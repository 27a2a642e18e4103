//! The one way out: the HTTP client for upstreams and the rules on where it may lead.
//!
//! The proxy and the probe of the dashboard both go through here, so that a guard cannot be forgotten on one of two
//! ways. The rules are applied to the address that is connected to: a name is resolved, filtered and connected in one
//! step, so a name that changes its address between check and use gains nothing. Redirects are not followed, and no
//! proxy of the environment is used.

mod address;
mod client;
mod failure;
mod resolver;
mod upstream_clients;
mod watched_body;

pub use address::{AddressPolicy, AddressRefusal};
pub use client::{OutboundError, build_client, check_url, install_tls_provider};
pub use failure::OutboundFailure;
pub use resolver::{FilteringResolver, RefusedName, UnresolvedName};
pub use upstream_clients::{SendError, Sent, UpstreamClients};
pub use watched_body::Written;
