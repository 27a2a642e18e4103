//! Connections to the database.
//!
//! One writer per process, so that writes line up in this process instead of failing on each other's locks, and its
//! transactions begin with `IMMEDIATE`, so that another process's lock is waited for at the beginning and a transaction
//! never fails half-way. Readers are a pool of their own: a long list never delays a write, nor the other way round.
//!
//! While the task that writes records finds that the database takes nothing, other writes of this process are refused at
//! once: they would wait for seconds behind it and fail all the same.

use std::fs;
use std::io::ErrorKind;
use std::os::unix::fs::{DirBuilderExt, MetadataExt, OpenOptionsExt};
use std::path::{Path, PathBuf};
use std::str::FromStr;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use sea_orm::sqlx::sqlite::{
    SqliteAutoVacuum, SqliteConnectOptions, SqliteJournalMode, SqlitePool, SqlitePoolOptions, SqliteSynchronous,
};
use sea_orm::sqlx::{self, ConnectOptions, Connection as _};
use sea_orm::{
    ConnectionTrait, DatabaseConnection, DatabaseTransaction, DbBackend, SqliteTransactionMode, Statement,
    TransactionOptions, TransactionTrait,
};

use super::StorageError;
use crate::crypto::Secret;

/// Name of the file in the data folder where no URL is given.
const DEFAULT_FILE: &str = "sluice.db";
/// How long a lock of another process is waited for.
const BUSY_TIMEOUT: Duration = Duration::from_secs(5);
/// How long a free connection is waited for.
const ACQUIRE_TIMEOUT: Duration = Duration::from_secs(6);

/// Which database, and how.
#[derive(Clone, Debug)]
pub struct DatabaseSettings {
    /// URL of the database, e.g. `sqlite:data/sluice.db`; it may hold a password. None is `sluice.db` in the data folder.
    pub url: Option<Secret>,
    /// The data folder; made if it does not exist.
    pub data_dir: PathBuf,
    /// Connections for reading, 1 to 64.
    pub read_connections: u32,
}

impl DatabaseSettings {
    /// SQLite in a data folder, with four connections for reading.
    pub const fn in_data_dir(data_dir: PathBuf) -> Self {
        Self { url: None, data_dir, read_connections: 4 }
    }
}

/// A handle to the database. Cheap to clone.
#[derive(Clone, Debug)]
pub struct Database {
    writer: DatabaseConnection,
    reader: DatabaseConnection,
    file: PathBuf,
    /// Device and inode of the file that was opened.
    opened: (u64, u64),
    is_away: Arc<AtomicBool>,
}

impl Database {
    /// Opens the database, making the folder (0700) and the file (0600) if they do not exist. Changes no schema.
    ///
    /// # Errors
    ///
    /// The URL cannot be used, the file cannot be opened, or a connection ignores what it is told.
    pub async fn connect(settings: &DatabaseSettings) -> Result<Self, StorageError> {
        let options = sqlite_options(settings)?;
        let file = options.get_filename().to_path_buf();
        make_file(&file)?;
        let is_new = fs::metadata(&file).is_ok_and(|found| found.len() == 0);
        let read_connections = settings.read_connections.clamp(1, 64);
        // The writer first: it switches a new file to WAL, which readers cannot.
        let for_writer = if is_new {
            // Only a new file can be told; later, deleted rows give their space back bit by bit.
            options.clone().auto_vacuum(SqliteAutoVacuum::Incremental)
        } else {
            options.clone()
        };
        let writer = pool(for_writer, 1).await?;
        let opened = file_id(&file).map_err(|source| StorageError::File { path: file.clone(), source })?;
        assert_pragmas(&writer, "0").await?;
        let reader = pool(options.pragma("query_only", "on"), read_connections).await?;
        assert_pragmas(&reader, "1").await?;
        Ok(Self { writer: writer.into(), reader: reader.into(), file, opened, is_away: Arc::default() })
    }

    /// Whether the database answers.
    ///
    /// # Errors
    ///
    /// It does not.
    pub async fn ping(&self) -> Result<(), StorageError> {
        self.reader.query_one_raw(Statement::from_string(self.backend(), "SELECT 1")).await?;
        Ok(())
    }

    /// Closes all connections, after what is under way.
    ///
    /// # Errors
    ///
    /// A connection could not be closed.
    pub async fn close(self) -> Result<(), StorageError> {
        self.reader.close().await?;
        self.writer.close().await?;
        Ok(())
    }

    /// For queries.
    pub(crate) const fn reader(&self) -> &DatabaseConnection {
        &self.reader
    }

    /// Begins a transaction for queries that have to agree with each other.
    pub(crate) async fn begin_read(&self) -> Result<DatabaseTransaction, StorageError> {
        Ok(self.reader.begin().await?)
    }

    /// Begins a transaction that changes something. Dropping it undoes everything. Fails at once while the database is
    /// known to [take nothing](Self::set_away).
    pub(crate) async fn begin_write(&self) -> Result<DatabaseTransaction, StorageError> {
        if self.is_away.load(Ordering::Relaxed) {
            return Err(StorageError::Away);
        }
        self.begin_recording().await
    }

    /// The same for the task that writes records: it tries until the database is back.
    pub(crate) async fn begin_recording(&self) -> Result<DatabaseTransaction, StorageError> {
        self.check_place()?;
        let options = TransactionOptions {
            sqlite_transaction_mode: Some(SqliteTransactionMode::Immediate),
            ..TransactionOptions::default()
        };
        Ok(self.writer.begin_with_options(options).await?)
    }

    /// Says whether the database takes no records at present.
    pub(crate) fn set_away(&self, is_away: bool) {
        self.is_away.store(is_away, Ordering::Relaxed);
    }

    /// Whether the path still leads to the file that was opened. If somebody moved or replaced it, rows would go into a
    /// file that nobody finds again.
    fn check_place(&self) -> Result<(), StorageError> {
        match file_id(&self.file) {
            Ok(found) if found == self.opened => Ok(()),
            Ok(_) => Err(StorageError::Replaced { path: self.file.clone() }),
            Err(source) => Err(StorageError::Missing { path: self.file.clone(), source }),
        }
    }

    /// The writing connection outside a transaction, for what cannot run in one.
    pub(super) const fn writer(&self) -> &DatabaseConnection {
        &self.writer
    }

    /// The writing connection, to make it refuse what it takes.
    #[cfg(test)]
    pub(crate) const fn writer_for_tests(&self) -> &DatabaseConnection {
        &self.writer
    }

    /// The file of an SQLite database.
    pub(super) fn file(&self) -> &Path {
        &self.file
    }

    pub(super) fn backend(&self) -> DbBackend {
        self.writer.get_database_backend()
    }
}

/// Device and inode of a file. It is not opened: closing it again would drop the locks that SQLite holds on it.
fn file_id(file: &Path) -> std::io::Result<(u64, u64)> {
    fs::metadata(file).map(|found| (found.dev(), found.ino()))
}

fn sqlite_options(settings: &DatabaseSettings) -> Result<SqliteConnectOptions, StorageError> {
    let options = match &settings.url {
        None => SqliteConnectOptions::new().filename(settings.data_dir.join(DEFAULT_FILE)),
        Some(url) => {
            let text = url.expose();
            if !text.starts_with("sqlite:") {
                return Err(StorageError::UrlUnusable {
                    reason: "it has to begin with `sqlite:`; other databases are not supported yet",
                });
            }
            if text.contains(":memory:") || text.contains("mode=memory") {
                return Err(StorageError::UrlUnusable {
                    reason: "a database in memory would be lost with the process",
                });
            }
            SqliteConnectOptions::from_str(text)
                .map_err(|_| StorageError::UrlUnusable { reason: "it does not parse; try `sqlite:data/sluice.db`" })?
        }
    };
    Ok(options
        .create_if_missing(false)
        .journal_mode(SqliteJournalMode::Wal)
        .synchronous(SqliteSynchronous::Normal)
        .foreign_keys(true)
        .busy_timeout(BUSY_TIMEOUT)
        .disable_statement_logging())
}

/// Makes the file for its owner only, before SQLite would make it for everybody; SQLite gives its companions (`-wal`,
/// `-shm`) the same mode.
fn make_file(file: &Path) -> Result<(), StorageError> {
    let error_at = |path: &Path| {
        let path = path.to_owned();
        move |source| StorageError::File { path, source }
    };
    if let Some(folder) = file.parent().filter(|folder| !folder.as_os_str().is_empty()) {
        fs::DirBuilder::new().recursive(true).mode(0o700).create(folder).map_err(error_at(folder))?;
    }
    match fs::OpenOptions::new().write(true).create_new(true).mode(0o600).open(file) {
        Ok(_) => Ok(()),
        Err(error) if error.kind() == ErrorKind::AlreadyExists => Ok(()),
        Err(error) => Err(error_at(file)(error)),
    }
}

/// All connections are opened at once: one that is opened later could not be while the file is away, and would be missed
/// for what those that are open still can do.
async fn pool(options: SqliteConnectOptions, connections: u32) -> Result<SqlitePool, StorageError> {
    let pool = SqlitePoolOptions::new()
        .max_connections(connections)
        .min_connections(connections)
        .acquire_timeout(ACQUIRE_TIMEOUT)
        // Connections to a file do not go stale.
        .idle_timeout(None)
        .max_lifetime(None)
        .test_before_acquire(false)
        // When a disk is full, SQLite rolls back by itself, the driver's own rollback fails, and the driver goes on to
        // believe in a transaction: the next one would be a savepoint in it that never reaches the file. Such a connection
        // is closed; the next one is a new one.
        .after_release(|connection, _| {
            Box::pin(async move {
                // A rollback may still be on its way to the connection.
                connection.ping().await?;
                Ok(!connection.is_in_transaction())
            })
        })
        .connect_with(options)
        .await?;
    Ok(pool)
}

/// Looks whether the connection really is what was asked for: drivers have ignored such options silently.
async fn assert_pragmas(pool: &SqlitePool, query_only: &'static str) -> Result<(), StorageError> {
    let pragmas = [
        ("journal_mode", "PRAGMA journal_mode", "wal"),
        ("busy_timeout", "PRAGMA busy_timeout", "5000"),
        ("foreign_keys", "PRAGMA foreign_keys", "1"),
        ("synchronous", "PRAGMA synchronous", "1"),
        ("query_only", "PRAGMA query_only", query_only),
    ];
    for (pragma, statement, wanted) in pragmas {
        let row = sqlx::query(statement).fetch_one(pool).await?;
        let found = match sqlx::Row::try_get::<i64, _>(&row, 0) {
            Ok(number) => number.to_string(),
            Err(_) => sqlx::Row::try_get::<String, _>(&row, 0)?,
        };
        if found != wanted {
            return Err(StorageError::PragmaIgnored { pragma, found, wanted });
        }
    }
    Ok(())
}
