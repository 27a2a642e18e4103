//! What can go wrong with the database.

use std::error::Error;
use std::path::PathBuf;

use sea_orm::{DbErr, RuntimeErr, SqlErr, sqlx};

/// What can go wrong with the database.
#[derive(Debug, thiserror::Error)]
pub enum StorageError {
    /// Somebody else holds the lock, or all connections are in use, for longer than is waited.
    #[error("the database is too busy")]
    Busy(#[source] DbErr),
    /// There is no connection to the database.
    #[error("the database cannot be reached")]
    Unavailable(#[source] DbErr),
    /// The database takes nothing at present, as the task that writes records found out.
    #[error("the database takes nothing at present")]
    Away,
    /// The database's file is not where it was: it, or its folder, was moved or removed.
    #[error("{} is not there any more", path.display())]
    Missing {
        /// Where it was.
        path: PathBuf,
        /// What the file system says.
        #[source]
        source: std::io::Error,
    },
    /// Somebody put another file in the place of the database's.
    #[error("{} is another file than the one that was opened; put that one back, or restart Sluice", path.display())]
    Replaced {
        /// The file.
        path: PathBuf,
    },
    /// The row does not exist.
    #[error("the row does not exist")]
    NotFound,
    /// Another row has this unique value.
    #[error("another row has this value")]
    Conflict(#[source] DbErr),
    /// The URL of the database is not one that this build can open.
    #[error("`database.url` is not a database that can be opened: {reason}")]
    UrlUnusable {
        /// Why not; without the URL, which may hold a password.
        reason: &'static str,
    },
    /// The data folder or the file cannot be made or used.
    #[error("{} cannot be used", path.display())]
    File {
        /// The folder or the file.
        path: PathBuf,
        /// Why not.
        #[source]
        source: std::io::Error,
    },
    /// A connection does not behave as it was asked to.
    #[error("the database did not accept `PRAGMA {pragma}`: it is {found} and not {wanted}")]
    PragmaIgnored {
        /// Name of the pragma.
        pragma: &'static str,
        /// What it is.
        found: String,
        /// What it should be.
        wanted: &'static str,
    },
    /// A newer version of Sluice has changed this database.
    #[error(
        "the database was changed by a newer version of Sluice (migration {migration}); start that version, or put a copy \
         from before the update back. Nothing was changed"
    )]
    NewerDatabase {
        /// The first migration that this version does not know.
        migration: String,
    },
    /// A migration failed; everything is as before.
    #[error("the database could not be brought up to date; it is as it was before{}", backup_text(backup.as_ref()))]
    MigrationFailed {
        /// The copy that was made before.
        backup: Option<PathBuf>,
        /// What failed.
        #[source]
        source: DbErr,
    },
    /// A stored value that this version cannot read.
    #[error("{table}.{column} holds a value that cannot be read")]
    Unreadable {
        /// Name of the table.
        table: &'static str,
        /// Name of the column.
        column: &'static str,
    },
    /// Anything else.
    #[error("the database refused a statement")]
    Other(#[source] Box<dyn Error + Send + Sync>),
}

impl StorageError {
    /// Whether the same may work in a moment.
    pub const fn is_transient(&self) -> bool {
        match self {
            Self::Busy(_) | Self::Unavailable(_) | Self::Away | Self::Missing { .. } | Self::Replaced { .. } => true,
            Self::NotFound
            | Self::Conflict(_)
            | Self::UrlUnusable { .. }
            | Self::File { .. }
            | Self::PragmaIgnored { .. }
            | Self::NewerDatabase { .. }
            | Self::MigrationFailed { .. }
            | Self::Unreadable { .. }
            | Self::Other(_) => false,
        }
    }

    /// Whether the values of a statement are what is wrong, so that the same will never work, and others may. Everything
    /// else is wrong with the database, and can be mended: a damaged file, a table that is missing, too little memory.
    pub fn is_about_values(&self) -> bool {
        match self {
            Self::Conflict(_) => true,
            Self::Other(error) => error.downcast_ref().is_some_and(is_about_values),
            _ => false,
        }
    }
}

impl From<DbErr> for StorageError {
    fn from(error: DbErr) -> Self {
        match &error {
            DbErr::ConnectionAcquire(_) => return Self::Busy(error),
            DbErr::RecordNotFound(_) | DbErr::RecordNotUpdated => return Self::NotFound,
            _ => {}
        }
        if let Some(SqlErr::UniqueConstraintViolation(_)) = error.sql_err() {
            return Self::Conflict(error);
        }
        match driver_error(&error) {
            Some(sqlx::Error::PoolTimedOut) => Self::Busy(error),
            Some(sqlx::Error::Database(driver)) if is_lock_code(driver.code().as_deref()) => Self::Busy(error),
            Some(sqlx::Error::Database(driver)) if is_unreachable_code(driver.code().as_deref()) => {
                Self::Unavailable(error)
            }
            Some(
                sqlx::Error::Io(_) | sqlx::Error::PoolClosed | sqlx::Error::WorkerCrashed | sqlx::Error::Protocol(_),
            ) => Self::Unavailable(error),
            Some(_) | None => Self::Other(Box::new(error)),
        }
    }
}

impl From<sqlx::Error> for StorageError {
    fn from(error: sqlx::Error) -> Self {
        Self::from(DbErr::Conn(RuntimeErr::SqlxError(std::sync::Arc::new(error))))
    }
}

fn driver_error(error: &DbErr) -> Option<&sqlx::Error> {
    match error {
        DbErr::Conn(RuntimeErr::SqlxError(error))
        | DbErr::Exec(RuntimeErr::SqlxError(error))
        | DbErr::Query(RuntimeErr::SqlxError(error)) => Some(error),
        _ => None,
    }
}

fn is_about_values(error: &DbErr) -> bool {
    match (error, driver_error(error)) {
        (_, Some(sqlx::Error::Database(driver))) => is_value_code(driver.code().as_deref()),
        (_, Some(sqlx::Error::Encode(_))) | (DbErr::TryIntoErr { .. } | DbErr::Type(_) | DbErr::Json(_), _) => true,
        _ => false,
    }
}

/// SQLite's `SQLITE_TOOBIG`, `SQLITE_CONSTRAINT`, `SQLITE_MISMATCH` and `SQLITE_RANGE` with their extended codes.
fn is_value_code(code: Option<&str>) -> bool {
    let primary = code.and_then(|code| code.parse::<u32>().ok()).map(|code| code & 0xff);
    matches!(primary, Some(18 | 19 | 20 | 25))
}

/// SQLite's `SQLITE_BUSY` and `SQLITE_LOCKED` with their extended codes.
fn is_lock_code(code: Option<&str>) -> bool {
    let primary = code.and_then(|code| code.parse::<u32>().ok()).map(|code| code & 0xff);
    matches!(primary, Some(5 | 6))
}

/// SQLite's `SQLITE_READONLY`, `SQLITE_IOERR`, `SQLITE_FULL` and `SQLITE_CANTOPEN` with their extended codes: the file is not
/// there, nobody may write it at present, or there is no room.
fn is_unreachable_code(code: Option<&str>) -> bool {
    let primary = code.and_then(|code| code.parse::<u32>().ok()).map(|code| code & 0xff);
    matches!(primary, Some(8 | 10 | 13 | 14))
}

fn backup_text(backup: Option<&PathBuf>) -> String {
    backup.map_or_else(String::new, |path| format!("; a copy of it is {}", path.display()))
}
