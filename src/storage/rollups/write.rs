//! Adds sums to those that are there.

use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;

use parking_lot::Mutex;
use sea_orm::{ConnectionTrait, DatabaseTransaction, Statement, Value};

use crate::storage::{StorageError, bulk};
use crate::usage::{Histogram, Rollup, Series, Sums};

/// Most series whose ids are kept in memory.
const SERIES_MAX: usize = 20_000;
const COLUMNS: usize = 15;
const INSERT: &str = "INSERT INTO usage_rollups (slot_seconds, slot_start, series_id, requests, estimated, unpriced, \
    input_tokens, cached_tokens, output_tokens, reasoning_tokens, cost_nanos, queued, queue_ms, first_byte_histogram, \
    duration_histogram)";
const ADD: &str = "ON CONFLICT (slot_seconds, slot_start, series_id) DO UPDATE SET \
    requests = usage_rollups.requests + excluded.requests, \
    estimated = usage_rollups.estimated + excluded.estimated, \
    unpriced = usage_rollups.unpriced + excluded.unpriced, \
    input_tokens = usage_rollups.input_tokens + excluded.input_tokens, \
    cached_tokens = usage_rollups.cached_tokens + excluded.cached_tokens, \
    output_tokens = usage_rollups.output_tokens + excluded.output_tokens, \
    reasoning_tokens = usage_rollups.reasoning_tokens + excluded.reasoning_tokens, \
    cost_nanos = usage_rollups.cost_nanos + excluded.cost_nanos, \
    queued = usage_rollups.queued + excluded.queued, \
    queue_ms = usage_rollups.queue_ms + excluded.queue_ms, \
    first_byte_histogram = excluded.first_byte_histogram, \
    duration_histogram = excluded.duration_histogram";
const HISTOGRAMS: &str = "SELECT series_id, first_byte_histogram, duration_histogram FROM usage_rollups \
    WHERE slot_seconds = ? AND slot_start = ? AND series_id";
const FIND_SERIES: &str = "SELECT id FROM usage_series WHERE server_id = ? AND app_id = ? AND key_id = ? AND model = ? \
    AND outcome = ? AND currency = ?";
const INSERT_SERIES: &str = "INSERT INTO usage_series (server_id, app_id, key_id, model, outcome, currency)";

/// The ids of series that are in the database. Cheap to clone.
#[derive(Clone, Debug, Default)]
pub(crate) struct SeriesIds(Arc<Mutex<HashMap<Series, i64>>>);

/// Ids that a transaction found or made: to be kept when it is committed, and only then.
#[derive(Debug, Default)]
#[must_use = "kept after the commit"]
pub(crate) struct FoundSeries(Vec<(Series, i64)>);

impl FoundSeries {
    /// What two steps of one transaction found.
    pub(crate) fn and(mut self, other: Self) -> Self {
        self.0.extend(other.0);
        self
    }
}

impl SeriesIds {
    /// Keeps what a transaction found, now that it is committed.
    pub(crate) fn keep(&self, found: FoundSeries) {
        let mut ids = self.0.lock();
        if ids.len().saturating_add(found.0.len()) > SERIES_MAX {
            ids.clear();
        }
        ids.extend(found.0);
    }

    fn get(&self, series: &Series) -> Option<i64> {
        self.0.lock().get(series).copied()
    }
}

/// Adds sums, in slots of every length, to those that are there. The caller commits and then keeps the series.
pub(crate) async fn add(
    transaction: &DatabaseTransaction,
    ids: &SeriesIds,
    rollup: Rollup,
) -> Result<FoundSeries, StorageError> {
    let mut found = FoundSeries::default();
    let mut numbers = HashMap::new();
    for series in rollup.series() {
        let id = if let Some(id) = ids.get(series) {
            id
        } else {
            let id = find_or_insert(transaction, series).await?;
            found.0.push((series.clone(), id));
            id
        };
        numbers.insert(series.clone(), id);
    }
    // In the order of the primary key: neighbours share pages.
    let mut slots: BTreeMap<(i64, i64), Vec<(i64, Sums)>> = BTreeMap::new();
    for (series, sums) in rollup.into_slots() {
        let Some(id) = numbers.get(&series) else { continue };
        for (length, start, sums) in sums {
            slots.entry((length, start)).or_default().push((*id, sums));
        }
    }
    let mut rows = Vec::new();
    for ((length, start), mut sums) in slots {
        sums.sort_unstable_by_key(|(id, _)| *id);
        merge_histograms(transaction, length, start, &mut sums).await?;
        rows.extend(sums.into_iter().map(|(id, sums)| ([length, start, id], sums)));
    }
    // Of all lengths together: a statement costs as much as many rows.
    bulk::insert(transaction, INSERT, COLUMNS, ADD, &rows, |(key, sums), values| {
        values.extend(key.map(Value::from));
        values.extend(
            [
                sums.requests,
                sums.estimated,
                sums.unpriced,
                sums.input_tokens,
                sums.cached_tokens,
                sums.output_tokens,
                sums.reasoning_tokens,
                sums.cost_nanos,
                sums.queued,
                sums.queue_ms,
            ]
            .map(Value::from),
        );
        values.extend([sums.first_byte.to_text(), sums.duration.to_text()].map(Value::from));
    })
    .await?;
    Ok(found)
}

/// Puts the histograms that are there into those that will replace them.
async fn merge_histograms(
    transaction: &DatabaseTransaction,
    length: i64,
    start: i64,
    rows: &mut [(i64, Sums)],
) -> Result<(), StorageError> {
    let ids: Vec<Value> = rows.iter().map(|(id, _)| Value::from(*id)).collect();
    let before: Vec<(i64, String, String)> =
        bulk::select(transaction, HISTOGRAMS, &[length.into(), start.into()], &ids, |row| {
            Ok((row.try_get_by_index(0)?, row.try_get_by_index(1)?, row.try_get_by_index(2)?))
        })
        .await?;
    let before: HashMap<i64, (String, String)> =
        before.into_iter().map(|(id, first_byte, duration)| (id, (first_byte, duration))).collect();
    for (id, sums) in rows {
        let Some((first_byte, duration)) = before.get(id) else { continue };
        sums.first_byte.merge(&histogram(first_byte, "first_byte_histogram"));
        sums.duration.merge(&histogram(duration, "duration_histogram"));
    }
    Ok(())
}

/// A damaged one is given up: no request's count depends on it, and it must not stop all others.
fn histogram(text: &str, column: &'static str) -> Histogram {
    Histogram::from_text(text).unwrap_or_else(|error| {
        tracing::error!(column, %error, "a histogram in the database is damaged; it begins anew");
        Histogram::default()
    })
}

async fn find_or_insert(transaction: &DatabaseTransaction, series: &Series) -> Result<i64, StorageError> {
    if let Some(id) = find(transaction, series).await? {
        return Ok(id);
    }
    // Somebody else may be about to do the same.
    let rows = std::slice::from_ref(series);
    bulk::insert(transaction, INSERT_SERIES, 6, "ON CONFLICT DO NOTHING", rows, |series, values| {
        values.extend(key(series));
    })
    .await?;
    find(transaction, series).await?.ok_or(StorageError::NotFound)
}

async fn find(transaction: &DatabaseTransaction, series: &Series) -> Result<Option<i64>, StorageError> {
    let backend = transaction.get_database_backend();
    let row = transaction.query_one_raw(Statement::from_sql_and_values(backend, FIND_SERIES, key(series))).await?;
    Ok(row.map(|row| row.try_get_by_index(0)).transpose()?)
}

fn key(series: &Series) -> [Value; 6] {
    [
        series.server_id.into(),
        series.app_id.into(),
        series.key_id.into(),
        series.model.clone().into(),
        series.outcome.into(),
        series.currency.map(|currency| currency.to_string()).unwrap_or_default().into(),
    ]
}
