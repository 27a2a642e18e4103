//! Getting hold of the master keys, and making sure that they are the ones of this database.

use std::sync::Arc;

use super::ServiceError;
use super::shared::Shared;
use crate::crypto::{CryptoError, KeyRing, MasterKeySource, SealedData};
use crate::storage::{Database, MigrationReport, StorageError, master_key_check};

/// Reads the master keys, compares them with the database, and brings the database up to date. On the first start the
/// database learns the keys. Comes before everything else.
///
/// The keys come first: a file that was migrated is refused by the version before, so somebody who starts a new version
/// with the wrong keys must still be able to go back.
///
/// # Errors
///
/// The keys cannot be read, are weak, or are not those that the database was sealed with; or the database cannot be
/// migrated. Then nothing is changed.
pub async fn open_key_ring(
    database: &Database,
    source: MasterKeySource,
) -> Result<(Arc<KeyRing>, MigrationReport), ServiceError> {
    let check = master_key_check::find_in_any_schema(database.reader()).await?;
    let sealed_data = if check.is_some() { SealedData::Exists } else { SealedData::None };
    let ring = tokio::task::spawn_blocking(move || KeyRing::load(&source, sealed_data))
        .await
        .map_err(|_| CryptoError::Random)??;
    if let Some(check) = &check {
        ring.verify_check(check)?;
    }
    let report = database.migrate().await?;
    if check.is_none() {
        let transaction = database.begin_write().await?;
        master_key_check::insert(&transaction, ring.seal_check()?, Shared::now_ms()).await?;
        // Not what was just sealed: another process may have been first.
        let check = master_key_check::find(&transaction).await?.ok_or(StorageError::NotFound)?;
        ring.verify_check(&check)?;
        transaction.commit().await.map_err(StorageError::from)?;
    }
    Ok((Arc::new(ring), report))
}
