//! Upstream endpoints.

use sea_orm::DatabaseTransaction;
use url::Url;

use super::error::Problems;
use super::probe::probe;
use super::shared::Shared;
use super::{Actor, ServiceError, validate};
use crate::catalog::api_key_record;
use crate::crypto::Secret;
use crate::model::{
    ProbeInput, ProbeReport, Problem, Resource, ServerId, ServerInput, ServerState, ServerView, check_models,
};
use crate::storage::servers::{SealedKey, ServerFields, ServerRow};
use crate::storage::{StorageError, catalog_state, prices, servers};

/// Upstream endpoints.
#[derive(Clone, Debug)]
pub struct Servers(pub(super) Shared);

/// What becomes of a server's stored key.
enum KeyChange {
    Keep,
    Remove,
    Replace(Secret),
}

impl Servers {
    /// Every server, in the order in which they are asked.
    pub async fn list(&self, actor: &Actor) -> Result<Vec<ServerView>, ServiceError> {
        actor.authorize()?;
        self.views().await
    }

    /// The server with this id.
    pub async fn get(&self, actor: &Actor, id: ServerId) -> Result<ServerView, ServiceError> {
        actor.authorize()?;
        self.view(id).await
    }

    /// The server with this name, in whatever case it is written.
    pub async fn find(&self, actor: &Actor, name: &str) -> Result<ServerView, ServiceError> {
        actor.authorize()?;
        let row = servers::find(self.0.database.reader(), name.trim()).await?;
        self.view(row.ok_or(ServiceError::NotFound(Resource::Server))?.id).await
    }

    /// Adds a server at the end of the order.
    pub async fn create(&self, actor: &Actor, input: ServerInput) -> Result<ServerView, ServiceError> {
        actor.authorize()?;
        let transaction = self.0.database.begin_write().await?;
        let (fields, key) = self.validate(&transaction, &input, None).await?;
        let id = servers::insert(&transaction, &fields, Shared::now_ms()).await.map_err(taken)?;
        self.store_key(&transaction, id, key).await?;
        catalog_state::bump(&transaction).await?;
        transaction.commit().await.map_err(StorageError::from)?;
        self.0.put_in_force().await;
        self.view(id).await
    }

    /// Changes a server. A blank key keeps the stored one, unless the host changes: a stored key is never sent to a
    /// new place.
    pub async fn update(&self, actor: &Actor, id: ServerId, input: ServerInput) -> Result<ServerView, ServiceError> {
        actor.authorize()?;
        let transaction = self.0.database.begin_write().await?;
        let current = servers::get(&transaction, id).await.map_err(not_found)?;
        let (fields, key) = self.validate(&transaction, &input, Some(&current)).await?;
        servers::update(&transaction, id, &fields, Shared::now_ms()).await.map_err(taken)?;
        self.store_key(&transaction, id, key).await?;
        catalog_state::bump(&transaction).await?;
        transaction.commit().await.map_err(StorageError::from)?;
        self.0.put_in_force().await;
        self.view(id).await
    }

    /// Switches a server on or off. Requests that it is serving are not cut.
    pub async fn set_enabled(&self, actor: &Actor, id: ServerId, enabled: bool) -> Result<ServerView, ServiceError> {
        actor.authorize()?;
        let transaction = self.0.database.begin_write().await?;
        servers::set_enabled(&transaction, id, enabled, Shared::now_ms()).await.map_err(not_found)?;
        catalog_state::bump(&transaction).await?;
        transaction.commit().await.map_err(StorageError::from)?;
        self.0.put_in_force().await;
        self.view(id).await
    }

    /// Deletes a server and wipes its key. Its id is never used again.
    pub async fn delete(&self, actor: &Actor, id: ServerId) -> Result<(), ServiceError> {
        actor.authorize()?;
        let transaction = self.0.database.begin_write().await?;
        servers::delete(&transaction, id, Shared::now_ms()).await.map_err(not_found)?;
        prices::delete_of_server(&transaction, id).await?;
        catalog_state::bump(&transaction).await?;
        transaction.commit().await.map_err(StorageError::from)?;
        self.0.put_in_force().await;
        Ok(())
    }

    /// Puts the servers in this order. `ids` names each server once.
    pub async fn reorder(&self, actor: &Actor, ids: &[ServerId]) -> Result<Vec<ServerView>, ServiceError> {
        actor.authorize()?;
        let transaction = self.0.database.begin_write().await?;
        let mut existing: Vec<ServerId> = servers::list(&transaction).await?.into_iter().map(|row| row.id).collect();
        let mut named = ids.to_vec();
        existing.sort_unstable();
        named.sort_unstable();
        if existing != named {
            return Err(ServiceError::invalid("ids", Problem::OrderIncomplete));
        }
        for (position, id) in (1..).zip(ids) {
            servers::set_position(&transaction, *id, position).await?;
        }
        catalog_state::bump(&transaction).await?;
        transaction.commit().await.map_err(StorageError::from)?;
        self.0.put_in_force().await;
        self.views().await
    }

    /// Asks an upstream for its models before it is saved.
    pub async fn probe(&self, actor: &Actor, input: ProbeInput) -> Result<ProbeReport, ServiceError> {
        actor.authorize()?;
        let mut problems = Problems::default();
        let url = problems.take("base_url", validate::base_url(&input.base_url, self.0.policy));
        let entered = problems.take("api_key", validate::api_key(input.api_key.as_deref())).flatten();
        let saved = match input.server_id {
            Some(id) => Some(servers::get(self.0.database.reader(), id).await.map_err(not_found)?),
            None => None,
        };
        if let (Some(url), None, Some(saved)) = (&url, &entered, &saved)
            && saved.api_key.is_some()
            && !is_same_host(url, &saved.fields.base_url)
        {
            problems.add("api_key", Problem::KeyNeededForNewHost);
        }
        problems.refuse()?;
        let Some(url) = url else { return Err(ServiceError::invalid("base_url", Problem::UrlInvalid)) };
        let key = match (entered, saved) {
            (Some(key), _) => Some(key),
            (None, Some(saved)) => self.open_key(&saved)?,
            (None, None) => None,
        };
        Ok(probe(&self.0.probe_client, &url, key.as_ref(), self.0.settings.probe_timeout).await)
    }

    /// Asks a server for its models with what is stored of it.
    pub async fn probe_saved(&self, actor: &Actor, id: ServerId) -> Result<ProbeReport, ServiceError> {
        actor.authorize()?;
        let saved = servers::get(self.0.database.reader(), id).await.map_err(not_found)?;
        // Looked at again, because the settings may have become stricter since it was saved.
        let url = validate::base_url(&saved.fields.base_url, self.0.policy)
            .map_err(|problem| ServiceError::invalid("base_url", problem))?;
        let key = self.open_key(&saved)?;
        Ok(probe(&self.0.probe_client, &url, key.as_ref(), self.0.settings.probe_timeout).await)
    }

    async fn validate(
        &self,
        transaction: &DatabaseTransaction,
        input: &ServerInput,
        current: Option<&ServerRow>,
    ) -> Result<(ServerFields, KeyChange), ServiceError> {
        let mut problems = Problems::default();
        let name = problems.take("name", validate::server_name(&input.name));
        if let Some(name) = &name {
            let other = servers::find(transaction, name).await?;
            if other.is_some_and(|other| current.is_none_or(|current| current.id != other.id)) {
                problems.add("name", Problem::Taken);
            }
        }
        let url = problems.take("base_url", validate::base_url(&input.base_url, self.0.policy));
        let key = problems.take("api_key", validate::api_key(input.api_key.as_deref()));
        problems.take("models", check_models(&input.models));
        validate::timeouts(&input.timeouts, &mut problems);
        validate::limits(&input.limits, &mut problems);
        validate::queue(&input.queue, &mut problems);
        let change = match key.flatten() {
            Some(key) => KeyChange::Replace(key),
            None if input.remove_api_key => KeyChange::Remove,
            None => KeyChange::Keep,
        };
        if let (KeyChange::Keep, Some(url), Some(current)) = (&change, &url, current)
            && current.api_key.is_some()
            && !is_same_host(url, &current.fields.base_url)
        {
            problems.add("api_key", Problem::KeyNeededForNewHost);
        }
        problems.refuse()?;
        let fields = ServerFields {
            name: name.unwrap_or_default(),
            provider: input.provider,
            base_url: url.as_ref().map(validate::stored_url).unwrap_or_default(),
            models: input.models.clone(),
            enabled: input.enabled,
            request_stream_usage: input.request_stream_usage,
            timeouts: input.timeouts,
            limits: input.limits,
            queue: input.queue,
        };
        Ok((fields, change))
    }

    /// The key is sealed for the server's id, so this comes after the row exists, in the same transaction.
    async fn store_key(
        &self,
        transaction: &DatabaseTransaction,
        id: ServerId,
        change: KeyChange,
    ) -> Result<(), ServiceError> {
        let key = match change {
            KeyChange::Keep => return Ok(()),
            KeyChange::Remove => None,
            KeyChange::Replace(key) => {
                let sealed = self.0.key_ring.seal(&key, &api_key_record(id))?;
                Some(SealedKey { sealed, hint: key.hint() })
            }
        };
        Ok(servers::set_key(transaction, id, key).await?)
    }

    /// A stored key that cannot be opened has to be entered again.
    fn open_key(&self, row: &ServerRow) -> Result<Option<Secret>, ServiceError> {
        let Some(key) = &row.api_key else { return Ok(None) };
        match self.0.key_ring.open(&key.sealed, &api_key_record(row.id)) {
            Ok(key) => Ok(Some(key)),
            Err(error) => {
                let cause: &dyn std::error::Error = &error;
                tracing::warn!(
                    error = cause,
                    server = %row.fields.name,
                    "the API key of this server cannot be opened"
                );
                Err(ServiceError::invalid("api_key", Problem::Required))
            }
        }
    }

    async fn view(&self, id: ServerId) -> Result<ServerView, ServiceError> {
        let found = self.views().await?.into_iter().find(|view| view.id == id);
        found.ok_or(ServiceError::NotFound(Resource::Server))
    }

    async fn views(&self) -> Result<Vec<ServerView>, ServiceError> {
        let rows = servers::list(self.0.database.reader()).await?;
        Ok((1..).zip(rows).map(|(position, row)| self.view_of(position, row)).collect())
    }

    fn view_of(&self, position: u32, row: ServerRow) -> ServerView {
        let readable =
            row.api_key.as_ref().is_none_or(|key| self.0.key_ring.open(&key.sealed, &api_key_record(row.id)).is_ok());
        // As in the catalog: what cannot be read takes no requests, and can be saved again.
        let enabled = row.fields.enabled && row.unreadable.is_none() && Url::parse(&row.fields.base_url).is_ok();
        let state = match (enabled, readable) {
            (false, _) => ServerState::Disabled,
            (true, false) => ServerState::KeyUnreadable,
            (true, true) => ServerState::Enabled,
        };
        ServerView {
            id: row.id,
            name: row.fields.name,
            provider: row.fields.provider,
            base_url: row.fields.base_url,
            api_key_hint: row.api_key.map(|key| key.hint),
            models: row.fields.models,
            state,
            request_stream_usage: row.fields.request_stream_usage,
            timeouts: row.fields.timeouts,
            limits: row.fields.limits,
            queue: row.fields.queue,
            position,
            created_at_ms: row.created_at_ms,
            updated_at_ms: row.updated_at_ms,
        }
    }
}

/// Whether a key for one URL may be sent to the other: same scheme, host and port.
fn is_same_host(url: &Url, stored: &str) -> bool {
    Url::parse(stored).is_ok_and(|stored| stored.origin() == url.origin())
}

fn not_found(error: StorageError) -> ServiceError {
    match error {
        StorageError::NotFound => ServiceError::NotFound(Resource::Server),
        error => error.into(),
    }
}

/// Somebody else was quicker with this name.
fn taken(error: StorageError) -> ServiceError {
    match error {
        StorageError::Conflict(_) => ServiceError::invalid("name", Problem::Taken),
        error => not_found(error),
    }
}
