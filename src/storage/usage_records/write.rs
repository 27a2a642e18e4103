//! Batches of records, and the apps that they name for the first time.

use std::collections::{HashMap, HashSet};

use sea_orm::{DatabaseTransaction, Value};
use uuid::Uuid;

use super::UsageRecords;
use crate::model::bounds::MODEL_NAME_MAX;
use crate::model::{AppId, LimitName, Limits};
use crate::storage::apps::{self, NewApp};
use crate::storage::{StorageError, bulk, catalog_state, rollups};
use crate::usage::{AppReference, Rollup, UsageRecord};

const COLUMNS: usize = 26;
/// The columns in the order of [`columns`].
const INSERT: &str = "INSERT INTO usage_records (id, client_request_id, started_at_ms, app_id, key_id, server_id, model, \
    endpoint, streamed, outcome, status, error_code, attempts, queue_ms, limited_by, sent_at_ms, charged_tokens, \
    input_tokens, cached_tokens, output_tokens, reasoning_tokens, token_source, cost_nanos, currency, first_byte_ms, \
    duration_ms)";
const KNOWN: &str = "SELECT id FROM usage_records WHERE id";
/// Longest error code that the column holds.
const ERROR_CODE_MAX: usize = 40;
/// Longest request id of a client that the column holds.
const CLIENT_REQUEST_ID_MAX: usize = 128;

/// What a batch of records did.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct BatchReport {
    /// Rows that are new; the others were there already.
    pub inserted: u64,
    /// Apps that were registered by these requests. If there are any, the catalog has to be reloaded: the
    /// writer of the records says so to the catalog, and other processes find it by the revision.
    pub apps_registered: u32,
    /// Rows whose app could not be registered, because there are as many apps as may be; they name no app.
    pub apps_refused: u32,
}

impl UsageRecords {
    /// Writes records in one transaction, together with their sums and with the apps that they name for the first time.
    /// Writing a record again changes nothing.
    ///
    /// # Errors
    ///
    /// Nothing was written; unless it is [about the values](StorageError::is_about_values), try again later.
    pub async fn insert_batch(&self, records: &[UsageRecord]) -> Result<BatchReport, StorageError> {
        let mut report = BatchReport::default();
        if records.is_empty() {
            return Ok(report);
        }
        let transaction = self.database.begin_recording().await?;
        let records = unknown(&transaction, records).await?;
        let apps = self.register_apps(&transaction, &records, &mut report).await?;
        let mut rollup = Rollup::default();
        let mut rows = Vec::with_capacity(records.len());
        for record in records {
            let app_id = app_id(record, &apps);
            if app_id.is_none() {
                report.apps_refused = report.apps_refused.saturating_add(1);
            }
            rollup.add(record, app_id);
            rows.push((record, app_id));
        }
        bulk::insert(&transaction, INSERT, COLUMNS, "", &rows, |(record, app_id), values| {
            values.extend(columns(record, *app_id));
        })
        .await?;
        report.inserted = u64::try_from(rows.len()).unwrap_or(u64::MAX);
        let series = rollups::add(&transaction, &self.series, rollup).await?;
        if report.apps_registered > 0 {
            catalog_state::bump(&transaction).await?;
        }
        transaction.commit().await?;
        self.series.keep(series);
        Ok(report)
    }

    /// Adds the sums of records, and not their rows.
    #[cfg(feature = "synthetic")]
    pub(crate) async fn add_sums(&self, records: &[UsageRecord]) -> Result<(), StorageError> {
        let transaction = self.database.begin_write().await?;
        let records: Vec<&UsageRecord> = records.iter().collect();
        let apps = self.register_apps(&transaction, &records, &mut BatchReport::default()).await?;
        let mut rollup = Rollup::default();
        for record in records {
            rollup.add(record, app_id(record, &apps));
        }
        let series = rollups::add(&transaction, &self.series, rollup).await?;
        transaction.commit().await?;
        self.series.keep(series);
        Ok(())
    }

    /// Finds or adds the apps that are named and not registered.
    async fn register_apps<'records>(
        &self,
        transaction: &DatabaseTransaction,
        records: &[&'records UsageRecord],
        report: &mut BatchReport,
    ) -> Result<HashMap<&'records str, Option<AppId>>, StorageError> {
        let mut apps: HashMap<&str, Option<AppId>> = HashMap::new();
        let mut count = None;
        for record in records {
            let AppReference::Named(name) = &record.app else { continue };
            if apps.contains_key(name.as_str()) {
                continue;
            }
            let id = if let Some(app) = apps::find(transaction, name).await? {
                Some(app.id)
            } else {
                let count: &mut u64 = match &mut count {
                    Some(count) => count,
                    None => count.insert(apps::count(transaction).await?),
                };
                if *count >= u64::from(self.max_apps) {
                    None
                } else {
                    let app = NewApp {
                        name,
                        registered_by_request: true,
                        limits: Limits::default(),
                        created_at_ms: record.started_at_ms,
                    };
                    *count = count.saturating_add(1);
                    report.apps_registered = report.apps_registered.saturating_add(1);
                    Some(apps::insert(transaction, app).await?)
                }
            };
            apps.insert(name, id);
        }
        Ok(apps)
    }
}

/// The app of a record; none if it could not be registered.
fn app_id(record: &UsageRecord, apps: &HashMap<&str, Option<AppId>>) -> Option<AppId> {
    match &record.app {
        AppReference::Registered(id) => Some(*id),
        AppReference::Named(name) => apps.get(name.as_str()).copied().flatten(),
    }
}

/// The records that the database does not have yet, each once.
async fn unknown<'records>(
    transaction: &DatabaseTransaction,
    records: &'records [UsageRecord],
) -> Result<Vec<&'records UsageRecord>, StorageError> {
    let ids: Vec<Value> = records.iter().map(|record| record.id.into()).collect();
    let known: Vec<Uuid> = bulk::select(transaction, KNOWN, &[], &ids, |row| row.try_get_by_index(0)).await?;
    let mut seen: HashSet<Uuid> = known.into_iter().collect();
    Ok(records.iter().filter(|record| seen.insert(record.id)).collect())
}

fn columns(record: &UsageRecord, app_id: Option<AppId>) -> [Value; COLUMNS] {
    [
        record.id.into(),
        record.client_request_id.as_deref().map(|id| bounded(id, CLIENT_REQUEST_ID_MAX)).into(),
        record.started_at_ms.into(),
        app_id.map(|id| id.0).into(),
        record.key_id.map(|id| id.0).into(),
        record.server_id.map(|id| id.0).into(),
        bounded(&record.model, usize::try_from(MODEL_NAME_MAX).unwrap_or(usize::MAX)).into(),
        record.endpoint.code().into(),
        record.streamed.into(),
        record.outcome.code().into(),
        i16::try_from(record.status).unwrap_or(i16::MAX).into(),
        record.error_code.as_deref().map(|code| bounded(code, ERROR_CODE_MAX)).into(),
        i16::try_from(record.attempts).unwrap_or(i16::MAX).into(),
        i64::from(record.queue_ms).into(),
        record.limited_by.map(LimitName::code).into(),
        record.sent_at_ms.into(),
        record.charged_tokens.into(),
        record.tokens.input.into(),
        record.tokens.cached.into(),
        record.tokens.output.into(),
        record.tokens.reasoning.into(),
        record.token_source.code().into(),
        record.cost.map(|cost| cost.amount.nanos).into(),
        record.cost.map(|cost| cost.currency.to_string()).into(),
        record.first_byte_ms.map(i64::from).into(),
        i64::from(record.duration_ms).into(),
    ]
}

/// A text from outside as the column can hold it: cut at a character, and without U+0000, which PostgreSQL refuses: one
/// odd row must not stop all others.
fn bounded(text: &str, bytes_max: usize) -> String {
    text.get(..text.floor_char_boundary(bytes_max)).unwrap_or_default().replace('\0', "\u{fffd}")
}
