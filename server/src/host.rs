//! What the routes outside `/v1` share.

use std::sync::Arc;

use sluice::catalog::Catalog;
use sluice::identity::IpNet;
use sluice::services::Services;
use sluice::usage::RateMeter;
use tokio::sync::{Semaphore, watch};
use tokio_util::sync::CancellationToken;
use uuid::Uuid;

use crate::security::Outside;

/// Browsers that may follow the live events at a time.
pub const MAX_LIVE_SUBSCRIBERS: usize = 64;

/// Exports of rows that may be under way at a time.
pub const MAX_EXPORTS: usize = 4;

/// What the routes outside `/v1` share. Cheap to clone.
#[derive(Clone, Debug)]
pub struct Host {
    /// What an administrator can do.
    pub services: Arc<Services>,
    /// The configuration that requests are routed by.
    pub catalog: Arc<Catalog>,
    /// Under which address people reach this process.
    pub outside: Outside,
    /// Reverse proxies whose `X-Forwarded-For` is believed.
    pub trusted_proxies: Arc<[IpNet]>,
    /// Id of the newest request that was written down.
    pub newest_request: watch::Receiver<Option<Uuid>>,
    /// Counts the requests that end.
    pub rate: RateMeter,
    /// Places for followers of the live events.
    pub live_places: Arc<Semaphore>,
    /// Places for exports of rows.
    pub export_places: Arc<Semaphore>,
    /// Cancelled when the port closes and open connections are to end.
    pub draining: CancellationToken,
}
