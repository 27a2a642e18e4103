//! Batches of records, and the apps that they name for the first time.

use std::collections::HashMap;

use sea_orm::ActiveValue::Set;
use sea_orm::{DatabaseTransaction, EntityTrait};

use super::{UsageRecords, entity};
use crate::model::bounds::MODEL_NAME_MAX;
use crate::model::{AppId, LimitName, Limits};
use crate::storage::apps::{self, NewApp};
use crate::storage::{StorageError, catalog_state};
use crate::usage::{AppReference, UsageRecord};

/// Rows of one insert: 25 values each, and SQLite takes 32 766 values in one statement.
const CHUNK: usize = 500;
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
    /// Writes records in one transaction, together with the apps that they name for the first time. Writing a record
    /// again changes nothing.
    ///
    /// # Errors
    ///
    /// Nothing was written; for [transient](StorageError::is_transient) ones try again later.
    pub async fn insert_batch(&self, records: &[UsageRecord]) -> Result<BatchReport, StorageError> {
        let mut report = BatchReport::default();
        if records.is_empty() {
            return Ok(report);
        }
        let transaction = self.database.begin_recording().await?;
        let apps = self.register_apps(&transaction, records, &mut report).await?;
        for chunk in records.chunks(CHUNK) {
            let rows = chunk.iter().map(|record| {
                let app_id = match &record.app {
                    AppReference::Registered(id) => Some(*id),
                    AppReference::Named(name) => apps.get(name.as_str()).copied().flatten(),
                };
                if app_id.is_none() {
                    report.apps_refused = report.apps_refused.saturating_add(1);
                }
                columns(record, app_id)
            });
            let inserted = entity::Entity::insert_many(rows)
                .on_conflict_do_nothing_on([entity::Column::Id])
                .exec_without_returning(&transaction)
                .await?;
            if let sea_orm::TryInsertResult::Inserted(count) = inserted {
                report.inserted = report.inserted.saturating_add(count);
            }
        }
        if report.apps_registered > 0 {
            catalog_state::bump(&transaction).await?;
        }
        transaction.commit().await?;
        Ok(report)
    }

    /// Finds or adds the apps that are named and not registered.
    async fn register_apps<'records>(
        &self,
        transaction: &DatabaseTransaction,
        records: &'records [UsageRecord],
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

fn columns(record: &UsageRecord, app_id: Option<AppId>) -> entity::ActiveModel {
    entity::ActiveModel {
        id: Set(record.id),
        client_request_id: Set(record.client_request_id.as_deref().map(|id| bounded(id, CLIENT_REQUEST_ID_MAX))),
        started_at_ms: Set(record.started_at_ms),
        app_id: Set(app_id.map(|id| id.0)),
        key_id: Set(record.key_id.map(|id| id.0)),
        server_id: Set(record.server_id.map(|id| id.0)),
        model: Set(bounded(&record.model, usize::try_from(MODEL_NAME_MAX).unwrap_or(usize::MAX))),
        endpoint: Set(record.endpoint.code()),
        streamed: Set(record.streamed),
        outcome: Set(record.outcome.code()),
        status: Set(i16::try_from(record.status).unwrap_or(i16::MAX)),
        error_code: Set(record.error_code.as_deref().map(|code| bounded(code, ERROR_CODE_MAX))),
        attempts: Set(i16::try_from(record.attempts).unwrap_or(i16::MAX)),
        queue_ms: Set(i64::from(record.queue_ms)),
        limited_by: Set(record.limited_by.map(LimitName::code)),
        sent_at_ms: Set(record.sent_at_ms),
        charged_tokens: Set(record.charged_tokens),
        input_tokens: Set(record.tokens.input),
        cached_tokens: Set(record.tokens.cached),
        output_tokens: Set(record.tokens.output),
        reasoning_tokens: Set(record.tokens.reasoning),
        token_source: Set(record.token_source.code()),
        cost_nanos: Set(record.cost.map(|cost| cost.amount.nanos)),
        currency: Set(record.cost.map(|cost| cost.currency.to_string())),
        first_byte_ms: Set(record.first_byte_ms.map(i64::from)),
        duration_ms: Set(i64::from(record.duration_ms)),
    }
}

/// A text from outside as the column can hold it: cut at a character, and without U+0000, which PostgreSQL refuses: one
/// odd row must not stop all others.
fn bounded(text: &str, bytes_max: usize) -> String {
    text.get(..text.floor_char_boundary(bytes_max)).unwrap_or_default().replace('\0', "\u{fffd}")
}
