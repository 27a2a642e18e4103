//! Table `usage_records`: the one row per request.

use std::collections::HashMap;

use sea_orm::{
    ActiveValue::Set, ColumnTrait, ConnectionTrait, DatabaseTransaction, EntityTrait, QueryFilter, QueryOrder,
    QuerySelect, QueryTrait, Select,
};
use uuid::Uuid;

use super::apps::{self, NewApp};
use super::{Database, StorageError, catalog_state, keys, servers};
use crate::model::bounds::{MODEL_NAME_MAX, PAGE_MAX};
use crate::model::{
    Amount, AppId, Endpoint, KeyId, LimitName, Limits, Money, Outcome, RequestView, ServerId, TokenSource,
};
use crate::usage::{AppReference, UsageRecord};

/// Rows of one insert: 25 values each, and SQLite takes 32 766 values in one statement.
const CHUNK: usize = 500;
/// Longest error code that the column holds.
const ERROR_CODE_MAX: usize = 40;
/// Longest request id of a client that the column holds.
const CLIENT_REQUEST_ID_MAX: usize = 128;

#[expect(unreachable_pub, reason = "what is derived from an entity has to be public")]
#[expect(clippy::struct_field_names, reason = "the glossary's word for it is `model`")]
mod entity {
    use sea_orm::entity::prelude::*;

    #[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
    #[sea_orm(table_name = "usage_records")]
    pub struct Model {
        #[sea_orm(primary_key, auto_increment = false)]
        pub id: Uuid,
        pub client_request_id: Option<String>,
        pub started_at_ms: i64,
        pub app_id: Option<i64>,
        pub key_id: Option<i64>,
        pub server_id: Option<i64>,
        pub model: String,
        pub endpoint: i16,
        pub streamed: bool,
        pub outcome: i16,
        pub status: i16,
        pub error_code: Option<String>,
        pub attempts: i16,
        pub queue_ms: i64,
        pub limited_by: Option<i16>,
        pub sent_at_ms: Option<i64>,
        pub charged_tokens: Option<i64>,
        pub input_tokens: Option<i64>,
        pub cached_tokens: Option<i64>,
        pub output_tokens: Option<i64>,
        pub reasoning_tokens: Option<i64>,
        pub token_source: i16,
        pub cost_nanos: Option<i64>,
        pub currency: Option<String>,
        pub first_byte_ms: Option<i64>,
        pub duration_ms: i64,
    }

    #[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
    pub enum Relation {}

    impl ActiveModelBehavior for ActiveModel {}
}

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

/// The records of requests. Cheap to clone.
#[derive(Clone, Debug)]
pub struct UsageRecords {
    database: Database,
    max_apps: u32,
}

impl UsageRecords {
    /// The records in this database; requests register apps up to `max_apps`.
    pub const fn new(database: Database, max_apps: u32) -> Self {
        Self { database, max_apps }
    }

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
        let transaction = self.database.begin_write().await?;
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

pub(super) fn recent_query(since_ms: i64) -> Select<entity::Entity> {
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

/// Names of what rows refer to, the deleted included: one query per table and page.
struct Names {
    apps: HashMap<i64, String>,
    keys: HashMap<i64, String>,
    servers: HashMap<i64, String>,
}

impl Names {
    async fn of(connection: &impl ConnectionTrait, rows: &[entity::Model]) -> Result<Self, StorageError> {
        let apps: Vec<(i64, String)> = apps::entity::Entity::find()
            .select_only()
            .columns([apps::entity::Column::Id, apps::entity::Column::Name])
            .filter(apps::entity::Column::Id.is_in(distinct(rows.iter().filter_map(|row| row.app_id))))
            .into_tuple()
            .all(connection)
            .await?;
        let keys: Vec<(i64, String)> = keys::entity::Entity::find()
            .select_only()
            .columns([keys::entity::Column::Id, keys::entity::Column::Name])
            .filter(keys::entity::Column::Id.is_in(distinct(rows.iter().filter_map(|row| row.key_id))))
            .into_tuple()
            .all(connection)
            .await?;
        let servers: Vec<(i64, String)> = servers::entity::Entity::find()
            .select_only()
            .columns([servers::entity::Column::Id, servers::entity::Column::Name])
            .filter(servers::entity::Column::Id.is_in(distinct(rows.iter().filter_map(|row| row.server_id))))
            .into_tuple()
            .all(connection)
            .await?;
        Ok(Self {
            apps: apps.into_iter().collect(),
            keys: keys.into_iter().collect(),
            servers: servers.into_iter().collect(),
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
