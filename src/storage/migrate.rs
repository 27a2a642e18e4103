//! Bringing the schema up to date.

use std::fs;
use std::io::ErrorKind;
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};

use sea_orm::{ConnectionTrait, DbErr, EntityTrait, QueryOrder, Statement};
use sluice_migration::sea_orm_migration::{SchemaManager, seaql_migrations};
use sluice_migration::{Migrator, MigratorTrait};

use super::{Database, StorageError};

/// Copies that are kept from before migrations.
const BACKUPS_KEPT: usize = 5;
/// What comes after the name of the database's file in the name of a copy.
const BACKUP_MARK: &str = ".before-";
const BACKUP_END: &str = ".bak";

/// What was done to the schema.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct MigrationReport {
    /// Migrations that were applied, in order.
    pub applied: Vec<String>,
    /// The copy that was made before.
    pub backup: Option<PathBuf>,
}

impl Database {
    /// Brings the schema up to date, in one transaction; an existing SQLite file is copied beside itself before.
    ///
    /// # Errors
    ///
    /// A migration failed, or the database was changed by a newer version. Then everything is as before.
    pub async fn migrate(&self) -> Result<MigrationReport, StorageError> {
        self.migrate_with::<Migrator>().await
    }

    pub(super) async fn migrate_with<M: MigratorTrait>(&self) -> Result<MigrationReport, StorageError> {
        let applied = self.applied_migrations().await?;
        let known: Vec<String> = M::get_migration_files().iter().map(|migration| migration.name().to_owned()).collect();
        if let Some(unknown) = applied.iter().find(|migration| !known.contains(migration)) {
            return Err(StorageError::NewerDatabase { migration: unknown.clone() });
        }
        let pending: Vec<String> = known.into_iter().filter(|migration| !applied.contains(migration)).collect();
        if pending.is_empty() {
            return Ok(MigrationReport::default());
        }
        let backup = match applied.last() {
            Some(last) => Some(self.back_up(last).await?),
            None => None,
        };
        match self.apply::<M>().await {
            Ok(()) => Ok(MigrationReport { applied: pending, backup }),
            Err(source) => match StorageError::from(source) {
                error if error.is_transient() => Err(error),
                StorageError::Conflict(source) => Err(StorageError::MigrationFailed { backup, source }),
                StorageError::Other(source) => {
                    let source = source
                        .downcast::<DbErr>()
                        .map_or_else(|source| DbErr::Custom(source.to_string()), |source| *source);
                    Err(StorageError::MigrationFailed { backup, source })
                }
                error => Err(error),
            },
        }
    }

    /// What was applied, oldest first, without touching the database.
    async fn applied_migrations(&self) -> Result<Vec<String>, StorageError> {
        if !SchemaManager::new(self.reader()).has_table("seaql_migrations").await? {
            return Ok(Vec::new());
        }
        let rows =
            seaql_migrations::Entity::find().order_by_asc(seaql_migrations::Column::Version).all(self.reader()).await?;
        Ok(rows.into_iter().map(|row| row.version).collect())
    }

    /// All pending migrations in one transaction: the file is as before if any of them fails.
    async fn apply<M: MigratorTrait>(&self) -> Result<(), DbErr> {
        let transaction = match self.begin_write().await {
            Ok(transaction) => transaction,
            Err(StorageError::Busy(error) | StorageError::Unavailable(error)) => return Err(error),
            Err(error) => return Err(DbErr::Custom(error.to_string())),
        };
        M::up(&transaction, None).await?;
        transaction.commit().await
    }

    /// Copies the database beside itself, with what is still in its write-ahead log.
    async fn back_up(&self, last_applied: &str) -> Result<PathBuf, StorageError> {
        let time = jiff::Timestamp::now().strftime("%Y%m%dT%H%M%SZ");
        let file = self.file();
        let mut name = file.file_name().unwrap_or_default().to_owned();
        name.push(format!("{BACKUP_MARK}{last_applied}-{time}{BACKUP_END}"));
        let backup = file.with_file_name(name);
        let file_error = |source| StorageError::File { path: backup.clone(), source };
        // For its owner only, like the database: SQLite fills an empty file that exists.
        fs::OpenOptions::new().write(true).create_new(true).mode(0o600).open(&backup).map_err(file_error)?;
        let target = backup.to_str().ok_or_else(|| file_error(ErrorKind::InvalidFilename.into()))?;
        let copy = Statement::from_sql_and_values(self.backend(), "VACUUM INTO ?", [target.into()]);
        if let Err(error) = self.writer().execute_raw(copy).await {
            // Half a copy would look like one; that it cannot be removed does not matter more than the failure itself.
            drop(fs::remove_file(&backup));
            return Err(error.into());
        }
        remove_old_backups(file);
        Ok(backup)
    }
}

/// Keeps the newest copies. That an old one cannot be removed is no reason not to start.
fn remove_old_backups(file: &Path) {
    let (Some(folder), Some(name)) = (file.parent(), file.file_name().and_then(|name| name.to_str())) else {
        return;
    };
    let beginning = format!("{name}{BACKUP_MARK}");
    let folder = if folder.as_os_str().is_empty() { Path::new(".") } else { folder };
    let Ok(entries) = fs::read_dir(folder) else { return };
    let mut backups: Vec<(String, PathBuf)> = entries
        .filter_map(Result::ok)
        .filter_map(|entry| {
            let name = entry.file_name().into_string().ok()?;
            let middle = name.strip_prefix(&beginning)?.strip_suffix(BACKUP_END)?;
            let (_, time) = middle.rsplit_once('-')?;
            Some((time.to_owned(), entry.path()))
        })
        .collect();
    backups.sort();
    let surplus = backups.len().saturating_sub(BACKUPS_KEPT);
    for (_, path) in backups.into_iter().take(surplus) {
        if let Err(error) = fs::remove_file(&path) {
            let cause: &dyn std::error::Error = &error;
            tracing::warn!(
                error = cause,
                file = %path.display(),
                "an old copy of the database cannot be removed"
            );
        }
    }
}
