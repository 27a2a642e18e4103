//! Keys issued to apps.

use sea_orm::DatabaseTransaction;

use super::error::Problems;
use super::shared::Shared;
use super::{Actor, ServiceError, validate};
use crate::crypto::{hash_token, new_issued_key};
use crate::model::{CreatedKey, KeyId, KeyInput, KeyState, KeyView, Problem, Resource};
use crate::storage::keys::{KeyFields, KeyRow};
use crate::storage::{StorageError, apps, catalog_state, keys};

/// Keys issued to apps.
#[derive(Clone, Debug)]
pub struct Keys(pub(super) Shared);

impl Keys {
    /// Every key, newest first, the revoked ones included.
    pub async fn list(&self, actor: &Actor) -> Result<Vec<KeyView>, ServiceError> {
        actor.authorize()?;
        let now_ms = Shared::now_ms();
        let rows = keys::list(self.0.database.reader()).await?;
        Ok(rows.into_iter().map(|row| view(row, now_ms)).collect())
    }

    /// Issues a key. The answer is the only place where it can be seen.
    pub async fn create(&self, actor: &Actor, input: KeyInput) -> Result<CreatedKey, ServiceError> {
        actor.authorize()?;
        let now_ms = Shared::now_ms();
        let transaction = self.0.database.begin_write().await?;
        let fields = validate_key(&transaction, input, None, now_ms).await?;
        let key = new_issued_key()?;
        let id = keys::insert(&transaction, &fields, &hash_token(key.expose()), key.hint(), now_ms).await?;
        catalog_state::bump(&transaction).await?;
        let row = keys::get(&transaction, id).await?;
        transaction.commit().await.map_err(StorageError::from)?;
        self.0.put_in_force().await;
        Ok(CreatedKey { key: key.expose().to_owned(), view: view(row, now_ms) })
    }

    /// Changes what can be chosen about a key that is not revoked; the key itself stays.
    pub async fn update(&self, actor: &Actor, id: KeyId, input: KeyInput) -> Result<KeyView, ServiceError> {
        actor.authorize()?;
        let now_ms = Shared::now_ms();
        let transaction = self.0.database.begin_write().await?;
        let current = keys::get(&transaction, id).await.map_err(not_found)?;
        if current.revoked_at_ms.is_some() {
            return Err(ServiceError::NotFound(Resource::Key));
        }
        let fields = validate_key(&transaction, input, Some(&current), now_ms).await?;
        keys::update(&transaction, id, &fields).await.map_err(not_found)?;
        catalog_state::bump(&transaction).await?;
        let row = keys::get(&transaction, id).await?;
        transaction.commit().await.map_err(StorageError::from)?;
        self.0.put_in_force().await;
        Ok(view(row, now_ms))
    }

    /// Revokes a key for ever.
    pub async fn revoke(&self, actor: &Actor, id: KeyId) -> Result<KeyView, ServiceError> {
        actor.authorize()?;
        let now_ms = Shared::now_ms();
        let transaction = self.0.database.begin_write().await?;
        keys::revoke(&transaction, id, now_ms).await?;
        let row = keys::get(&transaction, id).await.map_err(not_found)?;
        catalog_state::bump(&transaction).await?;
        transaction.commit().await.map_err(StorageError::from)?;
        self.0.put_in_force().await;
        Ok(view(row, now_ms))
    }
}

/// Whether a key can be used. One whose row cannot be read opens nothing until it is saved again, like one whose time ran
/// out.
pub(super) fn state(row: &KeyRow, now_ms: i64) -> KeyState {
    if row.revoked_at_ms.is_some() {
        KeyState::Revoked
    } else if row.unreadable.is_some() || row.expires_at_ms.is_some_and(|end| end <= now_ms) {
        KeyState::Expired
    } else {
        KeyState::Active
    }
}

fn view(row: KeyRow, now_ms: i64) -> KeyView {
    KeyView {
        limits: row.limits,
        priority: row.priority,
        state: state(&row, now_ms),
        id: row.id,
        name: row.name,
        hint: row.hint,
        app_id: row.app_id,
        app_name: row.app_name,
        models: row.models,
        created_at_ms: row.created_at_ms,
        expires_at_ms: row.expires_at_ms,
    }
}

async fn validate_key(
    transaction: &DatabaseTransaction,
    input: KeyInput,
    current: Option<&KeyRow>,
    now_ms: i64,
) -> Result<KeyFields, ServiceError> {
    let mut problems = Problems::default();
    let name = problems.take("name", validate::label(&input.name));
    problems.take("models", validate::key_models(&input.models));
    validate::limits(&input.limits, &mut problems);
    // An end that has passed may stay when something else is changed.
    let unchanged = current.is_some_and(|current| current.expires_at_ms == input.expires_at_ms);
    if !unchanged && input.expires_at_ms.is_some_and(|end| end <= now_ms) {
        problems.add("expires_at_ms", Problem::InThePast);
    }
    if let Some(app_id) = input.app_id {
        match apps::get(transaction, app_id).await {
            Ok(_) => {}
            Err(StorageError::NotFound) => problems.add("app_id", Problem::Unknown),
            Err(error) => return Err(error.into()),
        }
    }
    problems.refuse()?;
    Ok(KeyFields {
        name: name.unwrap_or_default(),
        app_id: input.app_id,
        models: input.models,
        limits: input.limits,
        priority: input.priority,
        expires_at_ms: input.expires_at_ms,
    })
}

fn not_found(error: StorageError) -> ServiceError {
    match error {
        StorageError::NotFound => ServiceError::NotFound(Resource::Key),
        error => error.into(),
    }
}
