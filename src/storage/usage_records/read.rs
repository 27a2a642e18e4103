//! Pages of records, and what limits have to know of the last window.

use std::collections::HashMap;

use sea_orm::{ColumnTrait, ConnectionTrait, EntityTrait, QueryFilter, QueryOrder, QuerySelect, QueryTrait, Select};
use uuid::Uuid;

use super::{UsageRecords, entity};
use crate::model::bounds::PAGE_MAX;
use crate::model::{Amount, AppId, Endpoint, KeyId, LimitName, Money, Outcome, RequestView, ServerId, TokenSource};
use crate::storage::StorageError;
use crate::storage::names::{self, Named};

/// What a request that reached an upstream was charged with.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct RecentUse {
    /// The app that called.
    pub app_id: Option<AppId>,
    /// The key that was used.
    pub key_id: Option<KeyId>,
    /// The server that took it.
    pub server_id: Option<ServerId>,
    /// Tries at targets, at least one.
    pub attempts: u16,
    /// When it was last sent, in milliseconds since 1970 UTC.
    pub sent_at_ms: i64,
    /// When it ended, in milliseconds since 1970 UTC.
    pub ended_at_ms: i64,
    /// Tokens that it was charged with; 0 if it was not charged.
    pub charged_tokens: i64,
}

impl UsageRecords {
    /// A page of records, newest first: those before `cursor`, at most `limit` and never more than 200.
    ///
    /// # Errors
    ///
    /// The database does not answer, or holds what this version cannot read.
    pub async fn page(&self, cursor: Option<Uuid>, limit: u16) -> Result<Vec<RequestView>, StorageError> {
        page(self.database.reader(), cursor, limit.clamp(1, PAGE_MAX)).await
    }

    /// What was sent after `since_ms`, in milliseconds since 1970 UTC, and has ended, oldest first. A start rebuilds the
    /// windows of limits from it.
    ///
    /// # Errors
    ///
    /// The database does not answer.
    pub async fn recent(&self, since_ms: i64) -> Result<Vec<RecentUse>, StorageError> {
        let rows: Vec<RecentColumns> = recent_query(since_ms).into_tuple().all(self.database.reader()).await?;
        Ok(rows.into_iter().map(RecentUse::from).collect())
    }
}

/// At most `limit` rows before `cursor`, newest first; the caller bounds `limit`.
pub(crate) async fn page(
    connection: &impl ConnectionTrait,
    cursor: Option<Uuid>,
    limit: u16,
) -> Result<Vec<RequestView>, StorageError> {
    let rows = entity::Entity::find()
        .apply_if(cursor, |query, cursor| query.filter(entity::Column::Id.lt(cursor)))
        .order_by_desc(entity::Column::Id)
        .limit(u64::from(limit))
        .all(connection)
        .await?;
    let names = Names::of(connection, &rows).await?;
    rows.into_iter().map(|row| names.view(row)).collect()
}

/// `app_id`, `key_id`, `server_id`, `attempts`, `sent_at_ms`, `started_at_ms`, `duration_ms`, `charged_tokens`.
type RecentColumns = (Option<i64>, Option<i64>, Option<i64>, i16, i64, i64, i64, Option<i64>);

pub(in crate::storage) fn recent_query(since_ms: i64) -> Select<entity::Entity> {
    entity::Entity::find()
        .select_only()
        .columns([
            entity::Column::AppId,
            entity::Column::KeyId,
            entity::Column::ServerId,
            entity::Column::Attempts,
            entity::Column::SentAtMs,
            entity::Column::StartedAtMs,
            entity::Column::DurationMs,
            entity::Column::ChargedTokens,
        ])
        .filter(entity::Column::SentAtMs.gt(since_ms))
        .order_by_asc(entity::Column::SentAtMs)
}

impl From<RecentColumns> for RecentUse {
    fn from(row: RecentColumns) -> Self {
        let (app_id, key_id, server_id, attempts, sent_at_ms, started_at_ms, duration_ms, charged_tokens) = row;
        Self {
            app_id: app_id.map(AppId),
            key_id: key_id.map(KeyId),
            server_id: server_id.map(ServerId),
            attempts: u16::try_from(attempts).unwrap_or(0),
            sent_at_ms,
            ended_at_ms: started_at_ms.saturating_add(duration_ms),
            charged_tokens: charged_tokens.unwrap_or(0),
        }
    }
}

/// Whether any request was recorded.
pub(crate) async fn exists(connection: &impl ConnectionTrait) -> Result<bool, StorageError> {
    let first: Option<Uuid> =
        entity::Entity::find().select_only().column(entity::Column::Id).limit(1).into_tuple().one(connection).await?;
    Ok(first.is_some())
}

/// Names of what rows refer to, the deleted included: one query per table and page.
struct Names {
    apps: HashMap<i64, String>,
    keys: HashMap<i64, String>,
    servers: HashMap<i64, String>,
}

impl Names {
    async fn of(connection: &impl ConnectionTrait, rows: &[entity::Model]) -> Result<Self, StorageError> {
        let apps = distinct(rows.iter().filter_map(|row| row.app_id));
        let keys = distinct(rows.iter().filter_map(|row| row.key_id));
        let servers = distinct(rows.iter().filter_map(|row| row.server_id));
        Ok(Self {
            apps: names::by_ids(connection, Named::App, &apps).await?,
            keys: names::by_ids(connection, Named::Key, &keys).await?,
            servers: names::by_ids(connection, Named::Server, &servers).await?,
        })
    }

    fn view(&self, row: entity::Model) -> Result<RequestView, StorageError> {
        let unreadable = |column| StorageError::Unreadable { table: "usage_records", column };
        Ok(RequestView {
            id: row.id.to_string(),
            client_request_id: row.client_request_id,
            started_at_ms: row.started_at_ms,
            app_id: row.app_id.map(AppId),
            app_name: row.app_id.and_then(|id| self.apps.get(&id).cloned()),
            key_id: row.key_id.map(KeyId),
            key_name: row.key_id.and_then(|id| self.keys.get(&id).cloned()),
            server_id: row.server_id.map(ServerId),
            server_name: row.server_id.and_then(|id| self.servers.get(&id).cloned()),
            model: row.model,
            endpoint: Endpoint::from_code(row.endpoint).ok_or_else(|| unreadable("endpoint"))?,
            streamed: row.streamed,
            outcome: Outcome::from_code(row.outcome).ok_or_else(|| unreadable("outcome"))?,
            status: u16::try_from(row.status).map_err(|_| unreadable("status"))?,
            error_code: row.error_code,
            attempts: u16::try_from(row.attempts).map_err(|_| unreadable("attempts"))?,
            queue_ms: u32::try_from(row.queue_ms).map_err(|_| unreadable("queue_ms"))?,
            limited_by: row
                .limited_by
                .map(|code| LimitName::from_code(code).ok_or_else(|| unreadable("limited_by")))
                .transpose()?,
            input_tokens: row.input_tokens,
            cached_tokens: row.cached_tokens,
            output_tokens: row.output_tokens,
            reasoning_tokens: row.reasoning_tokens,
            token_source: TokenSource::from_code(row.token_source).ok_or_else(|| unreadable("token_source"))?,
            cost: row
                .cost_nanos
                .zip(row.currency)
                .map(|(nanos, currency)| {
                    let currency = currency.parse().map_err(|_| unreadable("currency"))?;
                    Ok::<_, StorageError>(Money { amount: Amount::from_nanos(nanos), currency })
                })
                .transpose()?,
            first_byte_ms: row.first_byte_ms.map(|value| u32::try_from(value).unwrap_or(u32::MAX)),
            duration_ms: u32::try_from(row.duration_ms).map_err(|_| unreadable("duration_ms"))?,
        })
    }
}

fn distinct(ids: impl Iterator<Item = i64>) -> Vec<i64> {
    let mut ids: Vec<i64> = ids.collect();
    ids.sort_unstable();
    ids.dedup();
    ids
}
