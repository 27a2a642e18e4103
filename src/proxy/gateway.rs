//! What every request on `/v1` shares.

use std::collections::HashSet;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use parking_lot::Mutex;
use tokio::time::Instant;

use crate::catalog::{Catalog, Snapshot};
use crate::config::{AccessSettings, QueueSettings, TrafficLimits};
use crate::limit::Limiter;
use crate::outbound::{AddressPolicy, UpstreamClients};
use crate::usage::UsageSink;
use crate::usage::budget::Ledger;

/// What every request on `/v1` shares: configuration, connections, and where records go. Cheap to clone.
#[derive(Clone, Debug)]
pub struct Gateway {
    shared: Arc<Shared>,
}

#[derive(Debug)]
struct Shared {
    catalog: Arc<Catalog>,
    access: AccessSettings,
    limits: TrafficLimits,
    upstreams: UpstreamClients,
    usage: UsageSink,
    limiter: Arc<dyn Limiter>,
    ledger: Arc<Ledger>,
    queue: QueueSettings,
    newcomers: Mutex<Newcomers>,
    draining: AtomicBool,
}

/// Apps that named themselves and are not in the snapshot yet.
#[derive(Debug, Default)]
struct Newcomers {
    revision: i64,
    names: HashSet<String>,
}

impl Gateway {
    /// A gateway over a catalog.
    pub fn new(
        catalog: Arc<Catalog>,
        access: AccessSettings,
        limits: TrafficLimits,
        queue: QueueSettings,
        limiter: Arc<dyn Limiter>,
        ledger: Arc<Ledger>,
        usage: UsageSink,
    ) -> Self {
        let upstreams = UpstreamClients::new(AddressPolicy::new(access.private_addresses));
        let newcomers = Mutex::default();
        let draining = AtomicBool::new(false);
        let shared = Shared { catalog, access, limits, upstreams, usage, limiter, ledger, queue, newcomers, draining };
        Self { shared: Arc::new(shared) }
    }

    /// The configuration that is in force now.
    pub fn snapshot(&self) -> Arc<Snapshot> {
        self.shared.catalog.snapshot()
    }

    /// Who may call.
    pub fn access(&self) -> &AccessSettings {
        &self.shared.access
    }

    /// Bounds of the traffic.
    pub fn limits(&self) -> &TrafficLimits {
        &self.shared.limits
    }

    /// Connections to upstreams.
    pub fn upstreams(&self) -> &UpstreamClients {
        &self.shared.upstreams
    }

    /// Where records go.
    pub fn usage(&self) -> &UsageSink {
        &self.shared.usage
    }

    /// When requests may go.
    pub fn limiter(&self) -> &Arc<dyn Limiter> {
        &self.shared.limiter
    }

    /// What apps and keys may use in a day or a month.
    pub fn ledger(&self) -> &Arc<Ledger> {
        &self.shared.ledger
    }

    /// What becomes of a request that an upstream asked to wait.
    pub fn queue(&self) -> &QueueSettings {
        &self.shared.queue
    }

    /// From now on new requests are answered with `shutting_down`; those in flight go on. Those that wait may be sent
    /// during the first half of the drain time, which leaves the other half for their answers.
    pub fn begin_drain(&self) {
        self.shared.draining.store(true, Ordering::Relaxed);
        self.shared.limiter.drain(Instant::now() + self.shared.limits.drain_timeout / 2);
    }

    /// Whether the process is about to end.
    pub fn is_draining(&self) -> bool {
        self.shared.draining.load(Ordering::Relaxed)
    }

    /// Whether there is room for one more app of this name, which the snapshot does not have. The same name counts
    /// once until a newer snapshot has it.
    pub fn admit_newcomer(&self, snapshot: &Snapshot, name: &str) -> bool {
        let mut newcomers = self.shared.newcomers.lock();
        if newcomers.revision != snapshot.revision() {
            newcomers.revision = snapshot.revision();
            newcomers.names.retain(|name| snapshot.app_by_name(name).is_none());
        }
        if newcomers.names.contains(name) {
            return true;
        }
        let has_room = snapshot.app_count() + newcomers.names.len()
            < usize::try_from(self.shared.access.max_apps).unwrap_or(usize::MAX);
        if has_room {
            newcomers.names.insert(name.to_owned());
        }
        has_room
    }
}
