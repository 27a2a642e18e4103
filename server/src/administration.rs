//! What the gateway and the command line open alike: the database, the master keys, the configuration, the services.

use std::sync::Arc;

use anyhow::{Context as _, anyhow};
use sluice::catalog::Catalog;
use sluice::config::{MasterKeySource, Settings};
use sluice::crypto::{self, Secret};
use sluice::limit::{Limiter, LocalLimiter};
use sluice::services::{ServiceError, Services, ServicesSettings, open_key_ring};
use sluice::storage::{Database, DatabaseSettings};
use sluice::telemetry::ErrorChain;
use sluice::usage::budget::Ledger;

/// An opened installation.
#[derive(Clone, Debug)]
pub struct Administration {
    /// The database, migrated.
    pub database: Database,
    /// The configuration that requests are routed by.
    pub catalog: Arc<Catalog>,
    /// When requests may go.
    pub limiter: Arc<LocalLimiter>,
    /// What apps and keys may use in a day or a month.
    pub ledger: Arc<Ledger>,
    /// What an administrator can do.
    pub services: Arc<Services>,
}

/// Opens an installation; the first time, makes it.
///
/// # Errors
/// The database cannot be opened or migrated, or the master key is not the one that it was sealed with. Nothing was
/// changed then.
pub async fn open(settings: &Settings) -> anyhow::Result<Administration> {
    let database = Database::connect(&DatabaseSettings {
        url: settings.database.url.clone().map(Secret::new),
        data_dir: settings.data_dir.clone(),
        read_connections: settings.database.read_connections,
    })
    .await
    .context("cannot open the database")?;
    let (key_ring, report) = answer(open_key_ring(&database, key_source(&settings.master_key)).await)?;
    for migration in &report.applied {
        tracing::info!(migration, "the database was brought up to date");
    }
    let catalog = Catalog::load(database.clone(), Arc::clone(&key_ring)).await?;
    let limiter = Arc::new(LocalLimiter::new(settings.queue.window, settings.queue.line_length));
    let ledger =
        Ledger::load(&database, settings.usage.time_zone.clone()).await.context("cannot read what was used")?;
    catalog.follow({
        let (limiter, ledger) = (Arc::clone(&limiter), Arc::clone(&ledger));
        move |snapshot| {
            limiter.apply(snapshot);
            ledger.apply(snapshot);
        }
    });
    let services_settings = ServicesSettings {
        access_policy: settings.access.policy,
        private_addresses: settings.access.private_addresses,
        time_zone: settings.usage.time_zone.clone(),
        ..ServicesSettings::default()
    };
    let decides: Arc<dyn Limiter> = Arc::<LocalLimiter>::clone(&limiter);
    let (follows, counts) = (Arc::clone(&catalog), Arc::clone(&ledger));
    let services = Services::new(database.clone(), key_ring, follows, decides, counts, services_settings)?;
    Ok(Administration { database, catalog, limiter, ledger, services: Arc::new(services) })
}

fn key_source(setting: &MasterKeySource) -> crypto::MasterKeySource {
    match setting {
        MasterKeySource::Value(keys) => crypto::MasterKeySource::Value(keys.clone()),
        MasterKeySource::Generated { data_dir } => crypto::MasterKeySource::Generated { data_dir: data_dir.clone() },
    }
}

/// Turns a service's refusal into words for the console, where no request id helps: whoever reads them may see what
/// failed inside.
///
/// # Errors
/// The refusal.
pub fn answer<T>(result: Result<T, ServiceError>) -> anyhow::Result<T> {
    result.map_err(|error| {
        if error.is_failure() { anyhow!("{}", ErrorChain(&error)) } else { anyhow!("{}", error.refusal("-")) }
    })
}
