//! How large the database is. SQLite's own words: the number of rows is taken from `rowid`s, which are given in ascending
//! order, because counting millions of rows takes long.

use std::fs;
use std::path::PathBuf;

use sea_orm::{ConnectionTrait, FromQueryResult, Statement, Value};
use uuid::Uuid;

use super::{Database, StorageError};

/// Size of a request's row and its entries in indexes, in bytes, as measured; used while there are too few rows to tell.
const TYPICAL_ROW_BYTES: u64 = 200;
/// From how many rows on the size of a row is told by the file.
const ROWS_TO_TELL: u64 = 10_000;

/// How large the database is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Size {
    /// The file, in bytes.
    pub(crate) file_bytes: u64,
    /// Of these: in free pages.
    pub(crate) free_bytes: u64,
    /// The write-ahead log, in bytes.
    pub(crate) log_bytes: u64,
    /// Rows of requests, about.
    pub(crate) requests: u64,
    /// When the oldest of them arrived, in milliseconds since 1970 UTC.
    pub(crate) oldest_ms: Option<i64>,
    /// Rows of requests from an id on, about.
    pub(crate) recent_requests: u64,
    /// Bytes that a request takes, about.
    pub(crate) request_bytes: u64,
}

#[derive(Debug, FromQueryResult)]
struct Numbers {
    page_size: i64,
    page_count: i64,
    free_count: i64,
    first_row: Option<i64>,
    last_row: Option<i64>,
    first_recent_row: Option<i64>,
    oldest_ms: Option<i64>,
}

/// Each part is a look at one end of an index.
const NUMBERS: &str = "SELECT \
    (SELECT page_size FROM pragma_page_size) AS page_size, \
    (SELECT page_count FROM pragma_page_count) AS page_count, \
    (SELECT freelist_count FROM pragma_freelist_count) AS free_count, \
    (SELECT min(rowid) FROM usage_records) AS first_row, \
    (SELECT max(rowid) FROM usage_records) AS last_row, \
    (SELECT rowid FROM usage_records WHERE id >= ? ORDER BY id LIMIT 1) AS first_recent_row, \
    (SELECT started_at_ms FROM usage_records ORDER BY id LIMIT 1) AS oldest_ms";

/// How large the database is, and how many requests it has whose ids are not below `recent`.
pub(crate) async fn size(database: &Database, recent: Uuid) -> Result<Size, StorageError> {
    let statement = Statement::from_sql_and_values(database.backend(), NUMBERS, [Value::from(recent)]);
    let row = database.reader().query_one_raw(statement).await?.ok_or(StorageError::NotFound)?;
    let numbers = Numbers::from_query_result(&row, "")?;
    let page_bytes = |pages: i64| whole(pages.saturating_mul(numbers.page_size));
    let rows_from = |first: Option<i64>| match (first, numbers.last_row) {
        (Some(first), Some(last)) => whole(last.saturating_sub(first).saturating_add(1)),
        _ => 0,
    };
    let (file_bytes, free_bytes) = (page_bytes(numbers.page_count), page_bytes(numbers.free_count));
    let requests = rows_from(numbers.first_row);
    let told = file_bytes.saturating_sub(free_bytes).checked_div(requests).unwrap_or_default();
    Ok(Size {
        file_bytes,
        free_bytes,
        log_bytes: log_bytes(database),
        requests,
        oldest_ms: numbers.oldest_ms,
        recent_requests: rows_from(numbers.first_recent_row),
        request_bytes: if requests >= ROWS_TO_TELL { told } else { TYPICAL_ROW_BYTES },
    })
}

/// The write-ahead log is beside the file; it need not exist.
fn log_bytes(database: &Database) -> u64 {
    let mut name = database.file().as_os_str().to_owned();
    name.push("-wal");
    fs::metadata(PathBuf::from(name)).map_or(0, |file| file.len())
}

fn whole(number: i64) -> u64 {
    u64::try_from(number).unwrap_or_default()
}
