//! What all services stand on, and the handle that holds them.

use std::collections::HashSet;
use std::sync::{Arc, OnceLock};
use std::time::Duration;

use jiff::tz::TimeZone;
use parking_lot::Mutex;
use tokio_util::task::TaskTracker;

use super::{
    Accounts, AdminTokens, Apps, Keys, OverviewService, Queues, Requests, Servers, Sessions, Stats, StorageUse,
};
use crate::catalog::Catalog;
use crate::crypto::{KeyHash, KeyRing, Passwords};
use crate::identity::{LoginThrottle, SessionSettings};
use crate::limit::Limiter;
use crate::model::{AccessPolicy, PrivateAddresses, RecordingView};
use crate::outbound::{AddressPolicy, OutboundError, build_client};
use crate::storage::Database;
use crate::usage::UsageSink;

/// Sessions whose use is written down at the same time.
const TOUCHES_MAX: usize = 64;

/// What the services need to know of the settings.
#[derive(Clone, Debug)]
pub struct ServicesSettings {
    /// Whether callers of `/v1` need a key; shown on the overview.
    pub access_policy: AccessPolicy,
    /// Whether a base URL may lead to a private address.
    pub private_addresses: PrivateAddresses,
    /// In which time zone days and months begin where a caller names none.
    pub time_zone: TimeZone,
    /// For how many days single requests are kept; 0 for ever. Only shown here.
    pub retention_days: u32,
    /// How long sessions live.
    pub sessions: SessionSettings,
    /// How long a probe of an upstream may take in all.
    pub probe_timeout: Duration,
}

impl Default for ServicesSettings {
    fn default() -> Self {
        Self {
            access_policy: AccessPolicy::default(),
            private_addresses: PrivateAddresses::default(),
            time_zone: TimeZone::UTC,
            retention_days: 30,
            sessions: SessionSettings::default(),
            probe_timeout: Duration::from_secs(10),
        }
    }
}

/// Everything that an administrator can do. Cheap to clone.
#[derive(Clone, Debug)]
pub struct Services {
    /// Upstream endpoints.
    pub servers: Servers,
    /// Calling applications.
    pub apps: Apps,
    /// Keys issued to apps.
    pub keys: Keys,
    /// How full limits are, and who waits.
    pub queues: Queues,
    /// The list of requests.
    pub requests: Requests,
    /// Usage in sums.
    pub stats: Stats,
    /// Who may administrate.
    pub accounts: Accounts,
    /// Signing in and out.
    pub sessions: Sessions,
    /// Tokens for the administration API.
    pub admin_tokens: AdminTokens,
    /// The room that records take, and whether they get into the database.
    pub storage: StorageUse,
    /// The first page.
    pub overview: OverviewService,
}

impl Services {
    /// Puts the services together.
    ///
    /// # Errors
    ///
    /// The HTTP client for probes cannot be built.
    pub fn new(
        database: Database,
        key_ring: Arc<KeyRing>,
        catalog: Arc<Catalog>,
        limiter: Arc<dyn Limiter>,
        settings: ServicesSettings,
    ) -> Result<Self, OutboundError> {
        let policy = AddressPolicy::new(settings.private_addresses);
        let shared = Shared(Arc::new(SharedParts {
            probe_client: build_client(policy, settings.probe_timeout)?,
            policy,
            database,
            key_ring,
            catalog,
            limiter,
            settings,
            passwords: Passwords::new(),
            throttle: LoginThrottle::new(),
            tasks: TaskTracker::new(),
            touching: Arc::default(),
            sink: OnceLock::new(),
        }));
        Ok(Self {
            servers: Servers(shared.clone()),
            apps: Apps(shared.clone()),
            keys: Keys(shared.clone()),
            queues: Queues(shared.clone()),
            requests: Requests(shared.clone()),
            stats: Stats(shared.clone()),
            accounts: Accounts(shared.clone()),
            sessions: Sessions(shared.clone()),
            admin_tokens: AdminTokens(shared.clone()),
            storage: StorageUse(shared.clone()),
            overview: OverviewService(shared),
        })
    }

    /// Lets the services say how records get into the database. The command line records nothing, and says that all is
    /// well. A second sink is ignored.
    pub fn watch_recording(&self, sink: UsageSink) {
        drop(self.overview.0.sink.set(sink));
    }

    /// Waits for small writes that are still under way. Call it at the end, before the database is closed.
    pub async fn finish(&self) {
        let tasks = &self.overview.0.tasks;
        tasks.close();
        tasks.wait().await;
    }
}

/// What all services stand on.
#[derive(Clone, Debug)]
pub(super) struct Shared(Arc<SharedParts>);

#[derive(Debug)]
pub(super) struct SharedParts {
    pub(super) database: Database,
    pub(super) key_ring: Arc<KeyRing>,
    pub(super) catalog: Arc<Catalog>,
    pub(super) limiter: Arc<dyn Limiter>,
    pub(super) settings: ServicesSettings,
    pub(super) policy: AddressPolicy,
    pub(super) probe_client: reqwest::Client,
    pub(super) passwords: Passwords,
    pub(super) throttle: LoginThrottle,
    /// Small writes that nobody waits for.
    pub(super) tasks: TaskTracker,
    /// Sessions whose use is being written down.
    touching: Arc<Mutex<HashSet<KeyHash>>>,
    /// Where this process leaves its records.
    sink: OnceLock<UsageSink>,
}

impl std::ops::Deref for Shared {
    type Target = SharedParts;

    fn deref(&self) -> &SharedParts {
        &self.0
    }
}

impl Shared {
    /// Puts a change that was committed in force on this node. A failure is no failure of the change: the poller
    /// tries again within seconds, so it is logged and not returned.
    pub(super) async fn put_in_force(&self) {
        if let Err(error) = self.catalog.reload().await {
            let cause: &dyn std::error::Error = &error;
            tracing::warn!(error = cause, "the changed configuration could not be loaded yet");
        }
    }

    /// Claims writing down that a session is used. None if that is under way, or if too much of it is.
    pub(super) fn begin_touch(&self, session: KeyHash) -> Option<Touch> {
        let mut touching = self.touching.lock();
        (touching.len() < TOUCHES_MAX && touching.insert(session))
            .then(|| Touch { session, touching: Arc::clone(&self.touching) })
    }

    /// How records get into the database.
    pub(super) fn recording(&self) -> RecordingView {
        self.sink.get().map_or(RecordingView::IDLE, |sink| sink.status().into())
    }

    /// Now, in milliseconds since 1970 UTC.
    pub(super) fn now_ms() -> i64 {
        jiff::Timestamp::now().as_millisecond()
    }
}

/// Writing down that a session is used, until it is dropped.
#[derive(Debug)]
pub(super) struct Touch {
    session: KeyHash,
    touching: Arc<Mutex<HashSet<KeyHash>>>,
}

impl Drop for Touch {
    fn drop(&mut self) {
        self.touching.lock().remove(&self.session);
    }
}
