//! The first page.

use super::shared::Shared;
use super::{Actor, ServiceError};
use crate::model::{KeyState, Overview};
use crate::storage::{StorageError, apps, keys, servers, usage_records};

/// The first page.
#[derive(Clone, Debug)]
pub struct OverviewService(pub(super) Shared);

impl OverviewService {
    /// How far this installation is.
    pub async fn get(&self, actor: &Actor) -> Result<Overview, ServiceError> {
        actor.authorize()?;
        let snapshot = self.0.catalog.snapshot();
        let transaction = self.0.database.begin_read().await?;
        let servers = servers::count(&transaction).await?;
        let apps = apps::count(&transaction).await?;
        let keys = keys::list_unrevoked(&transaction).await?;
        let has_requests = usage_records::exists(&transaction).await?;
        transaction.rollback().await.map_err(StorageError::from)?;
        let now_ms = Shared::now_ms();
        Ok(Overview {
            servers: u32::try_from(servers).unwrap_or(u32::MAX),
            servers_enabled: count(snapshot.servers().iter().filter(|server| server.usable)),
            models: count(snapshot.callable_models()),
            apps: u32::try_from(apps).unwrap_or(u32::MAX),
            active_keys: count(keys.iter().filter(|key| super::keys::state(key, now_ms) == KeyState::Active)),
            has_requests,
            access_policy: self.0.settings.access_policy,
        })
    }
}

fn count(items: impl Iterator) -> u32 {
    u32::try_from(items.count()).unwrap_or(u32::MAX)
}
