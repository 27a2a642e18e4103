//! Who may administrate.

use super::error::Problems;
use super::sessions::begin_session;
use super::shared::Shared;
use super::{ServiceError, SignedIn};
use crate::crypto::{Secret, TOKEN_MAX, hash_token, new_token, same_hash};
use crate::identity::{check_password, check_username};
use crate::model::{Problem, SetupInput, UserView};
use crate::storage::{StorageError, setup, users};

/// Who may administrate.
#[derive(Clone, Debug)]
pub struct Accounts(pub(super) Shared);

impl Accounts {
    /// Whether there is no administrator yet.
    pub async fn setup_needed(&self) -> Result<bool, ServiceError> {
        Ok(users::is_empty(self.0.database.reader()).await?)
    }

    /// A new one-time token for the set-up link, or none if there is an administrator. The tokens before are worthless
    /// from now on.
    pub async fn begin_setup(&self) -> Result<Option<String>, ServiceError> {
        let token = new_token()?;
        let transaction = self.0.database.begin_write().await?;
        let needed = users::is_empty(&transaction).await?;
        if needed {
            setup::replace(&transaction, hash_token(token.expose()), Shared::now_ms()).await?;
        } else {
            setup::delete(&transaction).await?;
        }
        transaction.commit().await.map_err(StorageError::from)?;
        Ok(needed.then(|| token.expose().to_owned()))
    }

    /// Makes the first administrator, who is signed in at once.
    pub async fn complete_setup(&self, input: SetupInput) -> Result<SignedIn, ServiceError> {
        self.check_setup_token(self.0.database.reader(), &input.token).await?;
        let mut problems = Problems::default();
        let username = problems.take("username", check_username(&input.username).map(str::to_owned));
        problems.take("password", check_password(&input.password));
        if input.password != input.password_again {
            problems.add("password_again", Problem::Mismatch);
        }
        problems.refuse()?;
        let username = username.unwrap_or_default();
        let hash = self.0.passwords.hash(Secret::new(input.password)).await?;

        let transaction = self.0.database.begin_write().await?;
        // Once more, now that nobody else can change it: hashing took its time.
        self.check_setup_token(&transaction, &input.token).await?;
        let now_ms = Shared::now_ms();
        let id = users::insert(&transaction, &username, &hash, now_ms).await?;
        setup::delete(&transaction).await?;
        let user = UserView { id, username };
        let signed_in = begin_session(&transaction, user, &self.0.settings.sessions, now_ms).await?;
        transaction.commit().await.map_err(StorageError::from)?;
        Ok(signed_in)
    }

    /// Makes the first administrator without anybody present. `false` if there is one already; then nothing changes.
    pub async fn ensure_admin(&self, username: &str, password: &str) -> Result<bool, ServiceError> {
        if !self.setup_needed().await? {
            return Ok(false);
        }
        let mut problems = Problems::default();
        let username = problems.take("username", check_username(username));
        problems.take("password", check_password(password));
        problems.refuse()?;
        let hash = self.0.passwords.hash(Secret::new(password.to_owned())).await?;

        let transaction = self.0.database.begin_write().await?;
        if !users::is_empty(&transaction).await? {
            return Ok(false);
        }
        users::insert(&transaction, username.unwrap_or_default(), &hash, Shared::now_ms()).await?;
        setup::delete(&transaction).await?;
        transaction.commit().await.map_err(StorageError::from)?;
        Ok(true)
    }

    async fn check_setup_token(
        &self,
        connection: &impl sea_orm::ConnectionTrait,
        token: &str,
    ) -> Result<(), ServiceError> {
        if !users::is_empty(connection).await? {
            return Err(ServiceError::SetupDone);
        }
        if token.len() > TOKEN_MAX {
            return Err(ServiceError::SetupLinkInvalid);
        }
        match setup::find(connection).await? {
            Some(hash) if same_hash(&hash, &hash_token(token)) => Ok(()),
            Some(_) | None => Err(ServiceError::SetupLinkInvalid),
        }
    }
}
