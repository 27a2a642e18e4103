//! The snapshot that is in force, and putting a newer one in its place.

use std::fmt;
use std::sync::{Arc, OnceLock};
use std::time::Duration;

use arc_swap::ArcSwap;
use tokio::sync::{Mutex, Notify};
use tokio::time::{Instant, MissedTickBehavior};
use tokio_util::sync::CancellationToken;

use super::Snapshot;
use super::load::load_snapshot;
use crate::crypto::KeyRing;
use crate::storage::{Database, StorageError, catalog_state};

/// How often the revision in the database is looked at: a change by another process is in force within this time.
pub const DEFAULT_POLL_INTERVAL: Duration = Duration::from_secs(2);
/// How often at most it is logged that the database does not answer.
const LOG_INTERVAL: Duration = Duration::from_mins(1);

/// The configuration could not be loaded; the one before stays in force.
#[derive(Debug, thiserror::Error)]
#[error("the configuration could not be loaded")]
pub struct CatalogError(#[from] StorageError);

impl CatalogError {
    /// Whether the same may work in a moment.
    pub fn is_transient(&self) -> bool {
        self.0.is_transient()
    }
}

/// The snapshot that is in force.
pub struct Catalog {
    current: ArcSwap<Snapshot>,
    database: Database,
    key_ring: Arc<KeyRing>,
    /// One reload at a time: they are rare, and the second of two then finds the newer state.
    reloading: Mutex<()>,
    look_now: Arc<Notify>,
    follower: OnceLock<Follower>,
}

/// Is shown each snapshot before it comes in force.
type Follower = Box<dyn Fn(&Snapshot) + Send + Sync>;

impl fmt::Debug for Catalog {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_struct("Catalog").field("revision", &self.current.load().revision()).finish_non_exhaustive()
    }
}

impl Catalog {
    /// Loads the configuration for the first time.
    ///
    /// # Errors
    ///
    /// The database does not answer, or holds what this version cannot read.
    pub async fn load(database: Database, key_ring: Arc<KeyRing>) -> Result<Arc<Self>, CatalogError> {
        let snapshot = load_snapshot(&database, &key_ring).await?;
        Ok(Arc::new(Self {
            current: ArcSwap::from_pointee(snapshot),
            database,
            key_ring,
            reloading: Mutex::new(()),
            look_now: Arc::default(),
            follower: OnceLock::new(),
        }))
    }

    /// Makes [`Self::watch`] look at once: for whoever changes the configuration without knowing this module.
    pub fn look_now(&self) -> Arc<Notify> {
        Arc::clone(&self.look_now)
    }

    /// Shows the snapshot that is in force to `follower`, and from then on each newer one before it comes in force: what
    /// else has to know the configuration knows it when the first request is routed by it. There is one follower; a
    /// second is ignored.
    pub fn follow(&self, follower: impl Fn(&Snapshot) + Send + Sync + 'static) {
        let follower = self.follower.get_or_init(|| Box::new(follower));
        follower(&self.current.load());
    }

    /// The snapshot that is in force now. A request takes it once and keeps it.
    pub fn snapshot(&self) -> Arc<Snapshot> {
        self.current.load_full()
    }

    /// Loads the configuration and puts it in force, unless what is in force is newer. All or nothing.
    ///
    /// # Errors
    ///
    /// The database does not answer, or holds what this version cannot read; what was in force stays.
    pub async fn reload(&self) -> Result<(), CatalogError> {
        let _one_at_a_time = self.reloading.lock().await;
        let snapshot = load_snapshot(&self.database, &self.key_ring).await?;
        if snapshot.revision() >= self.current.load().revision() {
            if let Some(follower) = self.follower.get() {
                follower(&snapshot);
            }
            self.current.store(Arc::new(snapshot));
        }
        Ok(())
    }

    /// Looks at the revision in the database every `interval`, and when [`Self::look_now`] is notified, and reloads when
    /// it is another one. Ends when `shutdown`
    /// is cancelled. A database that does not answer is logged once a minute, and changes nothing.
    pub async fn watch(&self, shutdown: CancellationToken, interval: Duration) {
        let mut ticks = tokio::time::interval(interval);
        ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
        let mut last_logged: Option<Instant> = None;
        loop {
            tokio::select! {
                biased;
                () = shutdown.cancelled() => return,
                _ = ticks.tick() => {}
                () = self.look_now.notified() => {}
            }
            let checked = tokio::select! {
                biased;
                () = shutdown.cancelled() => return,
                checked = self.reload_if_changed() => checked,
            };
            match checked {
                Ok(()) => last_logged = None,
                Err(error) => {
                    if last_logged.is_none_or(|logged| logged.elapsed() >= LOG_INTERVAL) {
                        let cause: &dyn std::error::Error = &error;
                        tracing::warn!(
                            error = cause,
                            "the configuration in the database cannot be checked; the last one stays in force"
                        );
                        last_logged = Some(Instant::now());
                    }
                }
            }
        }
    }

    async fn reload_if_changed(&self) -> Result<(), CatalogError> {
        let stored = catalog_state::revision(self.database.reader()).await?;
        if stored == self.current.load().revision() { Ok(()) } else { self.reload().await }
    }
}
