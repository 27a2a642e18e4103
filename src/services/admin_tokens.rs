//! Tokens for the administration API.

use super::shared::Shared;
use super::{Actor, ServiceError, validate};
use crate::crypto::{ADMIN_TOKEN_PREFIX, TOKEN_MAX, hash_token, new_admin_token};
use crate::model::{AdminTokenId, AdminTokenView, CreatedAdminToken, Resource};
use crate::storage::{StorageError, admin_tokens};

/// Tokens for the administration API.
#[derive(Clone, Debug)]
pub struct AdminTokens(pub(super) Shared);

impl AdminTokens {
    /// Issues a token. The answer is the only place where it can be seen.
    pub async fn create(&self, actor: &Actor, name: &str) -> Result<CreatedAdminToken, ServiceError> {
        actor.authorize()?;
        let name = validate::label(name).map_err(|problem| ServiceError::invalid("name", problem))?;
        let token = new_admin_token()?;
        let hash = hash_token(token.expose());
        let transaction = self.0.database.begin_write().await?;
        let id = admin_tokens::insert(&transaction, &name, &hash, token.hint(), Shared::now_ms()).await?;
        let view = admin_tokens::get(&transaction, id).await?;
        transaction.commit().await.map_err(StorageError::from)?;
        Ok(CreatedAdminToken { token: token.expose().to_owned(), view })
    }

    /// Every token, newest first, the revoked ones included.
    pub async fn list(&self, actor: &Actor) -> Result<Vec<AdminTokenView>, ServiceError> {
        actor.authorize()?;
        Ok(admin_tokens::list(self.0.database.reader()).await?)
    }

    /// Revokes a token for ever.
    pub async fn revoke(&self, actor: &Actor, id: AdminTokenId) -> Result<AdminTokenView, ServiceError> {
        actor.authorize()?;
        let transaction = self.0.database.begin_write().await?;
        admin_tokens::revoke(&transaction, id, Shared::now_ms()).await?;
        let view = admin_tokens::get(&transaction, id).await.map_err(|error| match error {
            StorageError::NotFound => ServiceError::NotFound(Resource::AdminToken),
            error => error.into(),
        })?;
        transaction.commit().await.map_err(StorageError::from)?;
        Ok(view)
    }

    /// Who holds this token; none if it is unknown or was revoked.
    pub async fn authenticate(&self, token: &str) -> Result<Option<Actor>, ServiceError> {
        if token.len() > TOKEN_MAX || !token.starts_with(ADMIN_TOKEN_PREFIX) {
            return Ok(None);
        }
        let found = admin_tokens::find(self.0.database.reader(), &hash_token(token)).await?;
        Ok(found.map(|token| Actor::Token { id: token.id, name: token.name }))
    }
}
