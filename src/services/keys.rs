//! Keys issued to apps.

use sea_orm::DatabaseTransaction;

use super::error::Problems;
use super::shared::Shared;
use super::{Actor, ServiceError, validate};
use crate::crypto::{hash_token, new_issued_key};
use crate::model::{Budget, CreatedKey, KeyId, KeyInput, KeyState, KeyView, Problem, Resource};
use crate::storage::budgets::{BudgetOwner, BudgetRows};
use crate::storage::keys::{KeyFields, KeyRow};
use crate::storage::{StorageError, apps, budgets, catalog_state, keys};
use crate::usage::budget::Spender;

/// Keys issued to apps.
#[derive(Clone, Debug)]
pub struct Keys(pub(super) Shared);

impl Keys {
    /// Every key, newest first, the revoked ones included.
    pub async fn list(&self, actor: &Actor) -> Result<Vec<KeyView>, ServiceError> {
        actor.authorize()?;
        let now_ms = Shared::now_ms();
        let transaction = self.0.database.begin_read().await?;
        let rows = keys::list(&transaction).await?;
        let mut budgets = budgets::list(&transaction).await?;
        transaction.rollback().await.map_err(StorageError::from)?;
        let mut budgets_of = |id| budgets.remove(&BudgetOwner::Key(id)).unwrap_or_default();
        Ok(rows
            .into_iter()
            .map(|row| (budgets_of(row.id), row))
            .map(|(budgets, row)| self.view(row, &budgets, now_ms))
            .collect())
    }

    /// Issues a key. The answer is the only place where it can be seen.
    pub async fn create(&self, actor: &Actor, input: KeyInput) -> Result<CreatedKey, ServiceError> {
        actor.authorize()?;
        let now_ms = Shared::now_ms();
        let transaction = self.0.database.begin_write().await?;
        let (fields, budgets) = validate_key(&transaction, input, None, now_ms).await?;
        let key = new_issued_key()?;
        let id = keys::insert(&transaction, &fields, &hash_token(key.expose()), key.hint(), now_ms).await?;
        budgets::replace(&transaction, BudgetOwner::Key(id), &budgets).await?;
        catalog_state::bump(&transaction).await?;
        let row = keys::get(&transaction, id).await?;
        transaction.commit().await.map_err(StorageError::from)?;
        self.0.put_in_force().await;
        let view = self.view(row, &BudgetRows::readable(budgets), now_ms);
        Ok(CreatedKey { key: key.expose().to_owned(), view })
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
        let (fields, budgets) = validate_key(&transaction, input, Some(&current), now_ms).await?;
        keys::update(&transaction, id, &fields).await.map_err(not_found)?;
        budgets::replace(&transaction, BudgetOwner::Key(id), &budgets).await?;
        catalog_state::bump(&transaction).await?;
        let row = keys::get(&transaction, id).await?;
        transaction.commit().await.map_err(StorageError::from)?;
        self.0.put_in_force().await;
        Ok(self.view(row, &BudgetRows::readable(budgets), now_ms))
    }

    /// Revokes a key for ever.
    pub async fn revoke(&self, actor: &Actor, id: KeyId) -> Result<KeyView, ServiceError> {
        actor.authorize()?;
        let now_ms = Shared::now_ms();
        let transaction = self.0.database.begin_write().await?;
        keys::revoke(&transaction, id, now_ms).await?;
        let row = keys::get(&transaction, id).await.map_err(not_found)?;
        let budgets = budgets::list(&transaction).await?.remove(&BudgetOwner::Key(id)).unwrap_or_default();
        catalog_state::bump(&transaction).await?;
        transaction.commit().await.map_err(StorageError::from)?;
        self.0.put_in_force().await;
        Ok(self.view(row, &budgets, now_ms))
    }

    fn view(&self, row: KeyRow, budgets: &BudgetRows, now_ms: i64) -> KeyView {
        let state = match state(&row, now_ms) {
            KeyState::Active if budgets.unreadable.is_some() => KeyState::Expired,
            state => state,
        };
        KeyView {
            limits: row.limits,
            budgets: self.0.ledger.states(&Spender::Key(row.id), &budgets.budgets),
            priority: row.priority,
            state,
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

async fn validate_key(
    transaction: &DatabaseTransaction,
    input: KeyInput,
    current: Option<&KeyRow>,
    now_ms: i64,
) -> Result<(KeyFields, Vec<Budget>), ServiceError> {
    let mut problems = Problems::default();
    let name = problems.take("name", validate::label(&input.name));
    problems.take("models", validate::key_models(&input.models));
    validate::limits(&input.limits, &mut problems);
    validate::budgets(&input.budgets, &mut problems);
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
    let fields = KeyFields {
        name: name.unwrap_or_default(),
        app_id: input.app_id,
        models: input.models,
        limits: input.limits,
        priority: input.priority,
        expires_at_ms: input.expires_at_ms,
    };
    Ok((fields, input.budgets))
}

fn not_found(error: StorageError) -> ServiceError {
    match error {
        StorageError::NotFound => ServiceError::NotFound(Resource::Key),
        error => error.into(),
    }
}
