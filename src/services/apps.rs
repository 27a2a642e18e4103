//! Calling applications.

use std::collections::HashMap;

use super::error::Problems;
use super::shared::Shared;
use super::{Actor, ServiceError, validate};
use crate::model::{AppId, AppInput, AppView, Budget, KeyState, Limits, Problem, Resource};
use crate::storage::apps::NewApp;
use crate::storage::budgets::BudgetOwner;
use crate::storage::{StorageError, apps, budgets, catalog_state, keys};
use crate::usage::budget::Spender;

/// What is to be changed about an app; what is none stays.
#[derive(Clone, Debug, Default)]
pub struct AppChange {
    /// Whether its requests are served.
    pub enabled: Option<bool>,
    /// What it may send; a limit that is none is lifted.
    pub limits: Option<Limits>,
    /// All of its budgets.
    pub budgets: Option<Vec<Budget>>,
}

/// Calling applications.
#[derive(Clone, Debug)]
pub struct Apps(pub(super) Shared);

impl Apps {
    /// Every app, by name.
    pub async fn list(&self, actor: &Actor) -> Result<Vec<AppView>, ServiceError> {
        actor.authorize()?;
        self.views().await
    }

    /// Registers an app.
    pub async fn create(&self, actor: &Actor, input: AppInput) -> Result<AppView, ServiceError> {
        actor.authorize()?;
        let transaction = self.0.database.begin_write().await?;
        let mut problems = Problems::default();
        let name = problems.take("name", validate::app_name(&input.name));
        if let Some(name) = &name
            && apps::find(&transaction, name).await?.is_some()
        {
            problems.add("name", Problem::Taken);
        }
        validate::limits(&input.limits, &mut problems);
        validate::budgets(&input.budgets, &mut problems);
        problems.refuse()?;
        let app = NewApp {
            name: &name.unwrap_or_default(),
            registered_by_request: false,
            limits: input.limits,
            created_at_ms: Shared::now_ms(),
        };
        let id = apps::insert(&transaction, app).await.map_err(|error| match error {
            StorageError::Conflict(_) => ServiceError::invalid("name", Problem::Taken),
            error => error.into(),
        })?;
        budgets::replace(&transaction, BudgetOwner::App(id), &input.budgets).await?;
        catalog_state::bump(&transaction).await?;
        transaction.commit().await.map_err(StorageError::from)?;
        self.0.put_in_force().await;
        self.view(id).await
    }

    /// Switches an app on or off; the requests of one that is off are refused.
    pub async fn set_enabled(&self, actor: &Actor, id: AppId, enabled: bool) -> Result<AppView, ServiceError> {
        self.change(actor, id, AppChange { enabled: Some(enabled), ..AppChange::default() }).await
    }

    /// Changes what an app may send; a limit that is none is lifted.
    pub async fn set_limits(&self, actor: &Actor, id: AppId, limits: Limits) -> Result<AppView, ServiceError> {
        self.change(actor, id, AppChange { limits: Some(limits), ..AppChange::default() }).await
    }

    /// Changes what is named of an app, all of it or nothing.
    pub async fn change(&self, actor: &Actor, id: AppId, change: AppChange) -> Result<AppView, ServiceError> {
        actor.authorize()?;
        let AppChange { enabled, limits, budgets } = change;
        let mut problems = Problems::default();
        if let Some(limits) = &limits {
            validate::limits(limits, &mut problems);
        }
        if let Some(budgets) = &budgets {
            validate::budgets(budgets, &mut problems);
        }
        problems.refuse()?;
        let transaction = self.0.database.begin_write().await?;
        if let Some(enabled) = enabled {
            apps::set_enabled(&transaction, id, enabled).await.map_err(not_found)?;
        }
        if let Some(limits) = &limits {
            apps::set_limits(&transaction, id, limits).await.map_err(not_found)?;
        }
        if let Some(budgets) = &budgets {
            apps::get(&transaction, id).await.map_err(not_found)?;
            budgets::replace(&transaction, BudgetOwner::App(id), budgets).await?;
        }
        catalog_state::bump(&transaction).await?;
        transaction.commit().await.map_err(StorageError::from)?;
        self.0.put_in_force().await;
        self.view(id).await
    }

    /// Deletes an app and revokes the keys that are bound to it.
    pub async fn delete(&self, actor: &Actor, id: AppId) -> Result<(), ServiceError> {
        actor.authorize()?;
        let transaction = self.0.database.begin_write().await?;
        let now_ms = Shared::now_ms();
        apps::delete(&transaction, id, now_ms).await.map_err(not_found)?;
        keys::revoke_of_app(&transaction, id, now_ms).await?;
        budgets::replace(&transaction, BudgetOwner::App(id), &[]).await?;
        catalog_state::bump(&transaction).await?;
        transaction.commit().await.map_err(StorageError::from)?;
        self.0.put_in_force().await;
        Ok(())
    }

    async fn view(&self, id: AppId) -> Result<AppView, ServiceError> {
        let found = self.views().await?.into_iter().find(|view| view.id == id);
        found.ok_or(ServiceError::NotFound(Resource::App))
    }

    async fn views(&self) -> Result<Vec<AppView>, ServiceError> {
        let transaction = self.0.database.begin_read().await?;
        let rows = apps::list(&transaction).await?;
        let keys = keys::list_unrevoked(&transaction).await?;
        let mut budgets = budgets::list(&transaction).await?;
        transaction.rollback().await.map_err(StorageError::from)?;
        let now_ms = Shared::now_ms();
        let mut active_keys: HashMap<AppId, u32> = HashMap::new();
        for key in keys.iter().filter(|key| super::keys::state(key, now_ms) == KeyState::Active) {
            if let Some(app_id) = key.app_id {
                let count = active_keys.entry(app_id).or_default();
                *count = count.saturating_add(1);
            }
        }
        let views = rows.into_iter().map(|row| {
            let budgets = budgets.remove(&BudgetOwner::App(row.id)).unwrap_or_default();
            AppView {
                id: row.id,
                name: row.name,
                // As in the catalog: what cannot be read is refused, and can be saved again.
                enabled: row.enabled && row.unreadable.is_none() && budgets.unreadable.is_none(),
                registered_by_request: row.registered_by_request,
                limits: row.limits,
                budgets: self.0.ledger.states(&Spender::App(row.id), &budgets.budgets),
                active_keys: active_keys.get(&row.id).copied().unwrap_or(0),
                created_at_ms: row.created_at_ms,
            }
        });
        Ok(views.collect())
    }
}

fn not_found(error: StorageError) -> ServiceError {
    match error {
        StorageError::NotFound => ServiceError::NotFound(Resource::App),
        error => error.into(),
    }
}
