//! What limits have to know of the last window.

use sea_orm::{ColumnTrait, ConnectionTrait, EntityTrait, QueryFilter, QueryOrder, QuerySelect, Select};
use uuid::Uuid;

use super::{Explorer, Search, UsageRecords, entity};
use crate::model::bounds::PAGE_MAX;
use crate::model::{AppId, KeyId, RequestView, ServerId};
use crate::storage::StorageError;

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
        Explorer::new(Search::default(), cursor).step(self.database.reader(), u64::from(limit.clamp(1, PAGE_MAX))).await
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
