//! The sums of rows that are older than the tables of sums.

use std::borrow::Cow;

use sea_orm::{ColumnTrait, EntityTrait, QueryFilter, QueryOrder, QuerySelect, QueryTrait};

use super::{MODEL_NOT_FOUND, UsageRecords, entity, exists};
use crate::model::{Amount, AppId, Endpoint, KeyId, LimitName, Money, Outcome, ServerId, TokenCounts, TokenSource};
use crate::storage::StorageError;
use crate::storage::rollups::{self, FoundSeries};
use crate::usage::{AppReference, Rollup, UsageRecord};

/// Rows that are read at once.
const STEP: u64 = 5000;
/// Sums that are gathered before they are written.
const GATHERED_MAX: usize = 20_000;

impl UsageRecords {
    /// Sums up all rows if there are rows and no sums, which is so once: after the update that brought the sums. To be called
    /// before anything is recorded. One transaction, so a process that is killed meanwhile leaves nothing half done; in
    /// steps, so memory stays bounded. Rows that cannot be read are left out and counted in the log. Returns how many rows
    /// were summed up.
    ///
    /// # Errors
    ///
    /// The database does not answer. Nothing was changed.
    pub async fn rebuild_sums(&self) -> Result<u64, StorageError> {
        let reader = self.database.reader();
        if rollups::exist(reader).await? || !exists(reader).await? {
            return Ok(0);
        }
        let transaction = self.database.begin_write().await?;
        // Another process may have been faster.
        if rollups::exist(&transaction).await? {
            transaction.rollback().await?;
            return Ok(0);
        }
        let (mut rollup, mut found, mut count, mut last) = (Rollup::default(), FoundSeries::default(), 0_u64, None);
        let mut unreadable = 0_u64;
        loop {
            let rows = entity::Entity::find()
                .apply_if(last, |query, last| query.filter(entity::Column::Id.gt(last)))
                .order_by_asc(entity::Column::Id)
                .limit(STEP)
                .all(&transaction)
                .await?;
            let is_end = rows.is_empty();
            for row in rows {
                last = Some(row.id);
                let app_id = row.app_id.map(AppId);
                let Ok(record) = record(row) else {
                    // An old mishap must not keep the gateway from serving.
                    unreadable = unreadable.saturating_add(1);
                    continue;
                };
                count = count.saturating_add(1);
                rollup.add(&record, app_id);
            }
            if is_end || rollup.len() > GATHERED_MAX {
                found = found.and(rollups::add(&transaction, &self.series, std::mem::take(&mut rollup)).await?);
            }
            if is_end {
                break;
            }
        }
        transaction.commit().await?;
        self.series.keep(found);
        if unreadable > 0 {
            tracing::warn!(
                rows = unreadable,
                "recorded requests that cannot be read are missing from the sums of usage"
            );
        }
        Ok(count)
    }
}

/// A row as it was recorded. Whether its model exists is not in it; that follows from how it ended.
fn record(row: entity::Model) -> Result<UsageRecord, StorageError> {
    let unreadable = |column| StorageError::Unreadable { table: "usage_records", column };
    let short = |value: i64, column| u32::try_from(value).map_err(|_| unreadable(column));
    let cost = row.cost_nanos.zip(row.currency).map(|(nanos, currency)| {
        let currency = currency.parse().map_err(|_| unreadable("currency"))?;
        Ok::<_, StorageError>(Money { amount: Amount::from_nanos(nanos), currency })
    });
    Ok(UsageRecord {
        id: row.id,
        client_request_id: row.client_request_id,
        started_at_ms: row.started_at_ms,
        app: AppReference::Registered(AppId(row.app_id.unwrap_or(0))),
        key_id: row.key_id.map(KeyId),
        server_id: row.server_id.map(ServerId),
        model_exists: row.error_code.as_deref() != Some(MODEL_NOT_FOUND),
        model: row.model,
        endpoint: Endpoint::from_code(row.endpoint).ok_or_else(|| unreadable("endpoint"))?,
        streamed: row.streamed,
        outcome: Outcome::from_code(row.outcome).ok_or_else(|| unreadable("outcome"))?,
        status: u16::try_from(row.status).map_err(|_| unreadable("status"))?,
        error_code: row.error_code.map(Cow::Owned),
        attempts: u16::try_from(row.attempts).map_err(|_| unreadable("attempts"))?,
        queue_ms: short(row.queue_ms, "queue_ms")?,
        limited_by: row.limited_by.and_then(LimitName::from_code),
        sent_at_ms: row.sent_at_ms,
        charged_tokens: row.charged_tokens,
        tokens: TokenCounts {
            input: row.input_tokens,
            cached: row.cached_tokens,
            output: row.output_tokens,
            reasoning: row.reasoning_tokens,
        },
        token_source: TokenSource::from_code(row.token_source).ok_or_else(|| unreadable("token_source"))?,
        cost: cost.transpose()?,
        first_byte_ms: row.first_byte_ms.map(|value| u32::try_from(value).unwrap_or(u32::MAX)),
        duration_ms: short(row.duration_ms, "duration_ms")?,
    })
}
