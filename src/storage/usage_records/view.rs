//! Rows as the rest of Sluice sees them.

use std::collections::HashMap;

use sea_orm::ConnectionTrait;

use super::entity;
use crate::model::{Amount, AppId, Endpoint, KeyId, LimitName, Money, Outcome, RequestView, ServerId, TokenSource};
use crate::storage::StorageError;
use crate::storage::names::{self, Named};

/// The rows with the names of what they refer to, the deleted included.
pub(super) async fn views(
    connection: &impl ConnectionTrait,
    rows: Vec<entity::Model>,
) -> Result<Vec<RequestView>, StorageError> {
    let apps = names::by_ids(connection, Named::App, &distinct(rows.iter().filter_map(|row| row.app_id))).await?;
    let keys = names::by_ids(connection, Named::Key, &distinct(rows.iter().filter_map(|row| row.key_id))).await?;
    let servers =
        names::by_ids(connection, Named::Server, &distinct(rows.iter().filter_map(|row| row.server_id))).await?;
    let names = Names { apps, keys, servers };
    rows.into_iter().map(|row| names.view(row)).collect()
}

struct Names {
    apps: HashMap<i64, String>,
    keys: HashMap<i64, String>,
    servers: HashMap<i64, String>,
}

impl Names {
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
