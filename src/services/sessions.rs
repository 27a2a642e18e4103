//! Signing in and out.

use std::net::IpAddr;
use std::time::Duration;

use sea_orm::DatabaseTransaction;

use super::actor::throttled_address;
use super::shared::Shared;
use super::{Actor, ServiceError};
use crate::crypto::{KeyHash, Secret, TOKEN_MAX, hash_token, new_token};
use crate::identity::{SessionSettings, check_username, is_too_long_to_hash};
use crate::model::UserView;
use crate::storage::{StorageError, sessions, users};

/// A session that has just begun.
#[derive(Debug)]
pub struct SignedIn {
    /// What the session cookie holds.
    pub token: Secret,
    /// Who signed in.
    pub user: UserView,
    /// How long the session lasts at most.
    pub expires_in: Duration,
}

/// Signing in and out.
#[derive(Clone, Debug)]
pub struct Sessions(pub(super) Shared);

impl Sessions {
    /// Begins a session. Attempts are limited per account and address and per address; what is wrong is not said.
    pub async fn sign_in(&self, username: &str, password: &str, address: IpAddr) -> Result<SignedIn, ServiceError> {
        let address = throttled_address(address);
        self.0
            .throttle
            .begin(username, address)
            .map_err(|retry_after| ServiceError::TooManyAttempts { retry_after })?;
        let user = match self.check_credentials(username, password).await {
            Ok(Some(user)) => user,
            Ok(None) => return Err(ServiceError::WrongCredentials),
            Err(error) => {
                self.0.throttle.undecided(username, address);
                return Err(error);
            }
        };
        self.0.throttle.succeeded(username, address);
        let now_ms = Shared::now_ms();
        let transaction = self.0.database.begin_write().await?;
        sessions::delete_expired(&transaction, self.0.settings.sessions.oldest_alive(now_ms)).await?;
        let signed_in = begin_session(&transaction, user, &self.0.settings.sessions, now_ms).await?;
        transaction.commit().await.map_err(StorageError::from)?;
        Ok(signed_in)
    }

    /// Who has this session; none if it is unknown or has ended.
    pub async fn authenticate(&self, token: &str) -> Result<Option<Actor>, ServiceError> {
        if token.is_empty() || token.len() > TOKEN_MAX {
            return Ok(None);
        }
        let hash = hash_token(token);
        let Some(session) = sessions::find(self.0.database.reader(), &hash).await? else { return Ok(None) };
        let now_ms = Shared::now_ms();
        if !session.times.is_alive(&self.0.settings.sessions, now_ms) {
            return Ok(None);
        }
        if session.times.is_touch_due(&self.0.settings.sessions, now_ms) {
            self.touch_later(hash, now_ms);
        }
        Ok(Some(Actor::User { id: session.user_id, username: session.username }))
    }

    /// Ends a session. One that has ended already is no error.
    pub async fn sign_out(&self, token: &str) -> Result<(), ServiceError> {
        if token.len() > TOKEN_MAX {
            return Ok(());
        }
        let transaction = self.0.database.begin_write().await?;
        sessions::delete(&transaction, &hash_token(token)).await?;
        transaction.commit().await.map_err(StorageError::from)?;
        Ok(())
    }

    async fn check_credentials(&self, username: &str, password: &str) -> Result<Option<UserView>, ServiceError> {
        if is_too_long_to_hash(password) {
            return Ok(None);
        }
        let user = match check_username(username) {
            Ok(username) => users::find(self.0.database.reader(), username).await?,
            Err(_) => None,
        };
        let hash = user.as_ref().map(|user| user.password_hash.clone());
        let right = self.0.passwords.verify(Secret::new(password.to_owned()), hash).await?;
        Ok(user.filter(|_| right).map(|user| UserView { id: user.id, username: user.username }))
    }

    /// Writes down in the background that a session is used: nobody waits for it, and that it fails hurts nobody.
    fn touch_later(&self, hash: KeyHash, now_ms: i64) {
        let Some(touch) = self.0.begin_touch(hash) else { return };
        let database = self.0.database.clone();
        self.0.tasks.spawn(async move {
            let touched = async {
                let transaction = database.begin_write().await?;
                sessions::touch(&transaction, &hash, now_ms).await?;
                transaction.commit().await.map_err(StorageError::from)
            };
            if let Err(error) = touched.await {
                let cause: &dyn std::error::Error = &error;
                tracing::debug!(error = cause, "the use of a session was not written down");
            }
            drop(touch);
        });
    }
}

/// Stores a new session of a user.
pub(super) async fn begin_session(
    transaction: &DatabaseTransaction,
    user: UserView,
    settings: &SessionSettings,
    now_ms: i64,
) -> Result<SignedIn, ServiceError> {
    let token = new_token()?;
    sessions::insert(transaction, &hash_token(token.expose()), user.id, now_ms).await?;
    Ok(SignedIn { token, user, expires_in: settings.absolute })
}
