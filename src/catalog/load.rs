//! Building a snapshot from the database.

use std::collections::HashMap;

use url::Url;

use super::{AppEntry, KeyEntry, ServerEntry, Snapshot, SnapshotParts};
use crate::crypto::{KeyHash, KeyRing};
use crate::model::{PriceView, ServerId};
use crate::storage::apps::AppRow;
use crate::storage::budgets::{BudgetOwner, BudgetRows};
use crate::storage::keys::KeyRow;
use crate::storage::servers::ServerRow;
use crate::storage::{Database, StorageError, apps, budgets, catalog_state, keys, prices, servers};
use crate::usage::pricing::EnteredPrice;

/// The name that a server's API key is sealed for.
pub fn api_key_record(id: ServerId) -> String {
    format!("servers/{id}/api_key")
}

/// Reads everything in one transaction, so that the parts agree with each other and with the revision.
pub(super) async fn load_snapshot(database: &Database, key_ring: &KeyRing) -> Result<Snapshot, StorageError> {
    let transaction = database.begin_read().await?;
    let revision = catalog_state::revision(&transaction).await?;
    let servers = servers::list(&transaction).await?;
    let apps = apps::list(&transaction).await?;
    let keys = keys::list_unrevoked(&transaction).await?;
    let mut budgets = budgets::list(&transaction).await?;
    let prices = prices::list(&transaction).await?;
    transaction.rollback().await?;
    Ok(Snapshot::new(SnapshotParts {
        revision,
        servers: servers.into_iter().filter_map(|row| server_entry(row, key_ring)).collect(),
        apps: apps.into_iter().map(|row| app_entry(row, &mut budgets)).collect(),
        keys: keys.into_iter().filter_map(|row| key_entry(row, &mut budgets)).collect(),
        prices: prices.into_iter().map(entered_price).collect(),
    }))
}

/// The base URL of a server whose own cannot be read. It is unusable, so nothing is sent there; and this name never
/// resolves (RFC 2606).
const NOWHERE: &str = "http://unreadable.invalid";

/// A server whose row cannot be read is there and unusable: one bad row disables itself and not the gateway. If it
/// failed the whole load, no change would come in force any more, the revocation of a key among them.
fn server_entry(row: ServerRow, key_ring: &KeyRing) -> Option<ServerEntry> {
    let record = api_key_record(row.id);
    let opened = row.api_key.map(|key| key_ring.open(&key.sealed, &record)).transpose();
    let readable = opened.is_ok();
    if let Err(error) = &opened {
        let cause: &dyn std::error::Error = error;
        tracing::warn!(
            error = cause,
            server = %row.fields.name,
            "the API key of this server cannot be opened; it takes no requests until the key is entered again"
        );
    }
    let base_url = Url::parse(&row.fields.base_url);
    let unreadable = row.unreadable.or_else(|| base_url.is_err().then_some("base_url"));
    if let Some(column) = unreadable {
        tracing::warn!(
            column,
            server = %row.fields.name,
            "what is stored of this server cannot be read; it takes no requests until it is saved again"
        );
    }
    Some(ServerEntry {
        id: row.id,
        name: row.fields.name,
        provider: row.fields.provider,
        base_url: base_url.or_else(|_| Url::parse(NOWHERE)).ok()?,
        api_key: opened.ok().flatten(),
        models: row.fields.models.into_iter().map(|model| (model.name, model.upstream_name)).collect(),
        usable: row.fields.enabled && readable && unreadable.is_none(),
        request_stream_usage: row.fields.request_stream_usage,
        timeouts: row.fields.timeouts,
        limits: row.fields.limits,
        queue: row.fields.queue,
    })
}

/// An app whose limits or budgets cannot be read is refused, like one that is switched off: without them it would have
/// none.
fn app_entry(row: AppRow, budgets: &mut HashMap<BudgetOwner, BudgetRows>) -> AppEntry {
    let budgets = budgets.remove(&BudgetOwner::App(row.id)).unwrap_or_default();
    let unreadable = row.unreadable.or(budgets.unreadable);
    if let Some(column) = unreadable {
        tracing::warn!(
            column,
            app = %row.name,
            "the limits that are stored of this app cannot be read; its requests are refused until they are saved again"
        );
    }
    let (enabled, budgets) = (row.enabled && unreadable.is_none(), budgets.budgets);
    AppEntry { id: row.id, name: row.name, enabled, limits: row.limits, budgets }
}

/// A key whose limits or budgets cannot be read opens nothing, like one that has ended: without them it would have none.
fn key_entry(row: KeyRow, budgets: &mut HashMap<BudgetOwner, BudgetRows>) -> Option<(KeyHash, KeyEntry)> {
    let budgets = budgets.remove(&BudgetOwner::Key(row.id)).unwrap_or_default();
    if let Some(column) = row.unreadable.or(budgets.unreadable) {
        tracing::warn!(
            column,
            key = %row.name,
            "what is stored of this key cannot be read; it is refused until it is saved again"
        );
        return None;
    }
    let entry = KeyEntry {
        id: row.id,
        app_id: row.app_id,
        models: row.models,
        expires_at_ms: row.expires_at_ms,
        limits: row.limits,
        budgets: budgets.budgets,
        priority: row.priority,
    };
    Some((row.key_hash, entry))
}

fn entered_price(view: PriceView) -> EnteredPrice {
    let PriceView { model, server_id, valid_from_ms, price, .. } = view;
    EnteredPrice { model, server_id, valid_from_ms, price }
}
