//! Hashing and checking passwords with argon2id.
//!
//! One hash takes 19 MiB and tens of milliseconds on purpose (the parameters that OWASP recommends), so hashing runs
//! on threads of its own, two at once, and only so many wait.

use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

use argon2::{Argon2, PasswordHasher, PasswordVerifier};
use tokio::sync::Semaphore;

use super::{CryptoError, Secret};

/// Passwords that are hashed at the same time.
const AT_ONCE: usize = 2;
/// Passwords that wait for their turn; more are refused at once.
const WAITING_MAX: u32 = 32;
/// Longest wait for a turn.
const WAIT_MAX: Duration = Duration::from_secs(5);
/// What an unknown user's password is checked against: a hash with the same parameters, of a password nobody knows.
const DUMMY_HASH: &str =
    "$argon2id$v=19$m=19456,t=2,p=1$c2x1aWNlLWR1bW15LXNhbHQ$k5mP2yWcX0bqUeT0oJ7r8sYxw1VtLh4DgZ9nQaE3fIM";

/// A stored hash in PHC format, with its parameters and salt.
#[derive(Clone, PartialEq, Eq)]
pub struct PasswordHash(String);

impl PasswordHash {
    /// Wraps a stored hash.
    pub const fn new(text: String) -> Self {
        Self(text)
    }

    /// The text to store.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl std::fmt::Debug for PasswordHash {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.write_str("[redacted]")
    }
}

/// Hashes and checks passwords, a few at a time. Cheap to clone.
#[derive(Clone, Debug)]
pub struct Passwords(Arc<Gate>);

#[derive(Debug)]
struct Gate {
    turns: Arc<Semaphore>,
    waiting: AtomicU32,
}

impl Default for Passwords {
    fn default() -> Self {
        Self::new()
    }
}

impl Passwords {
    /// A gate that nobody waits at.
    pub fn new() -> Self {
        Self(Arc::new(Gate { turns: Arc::new(Semaphore::new(AT_ONCE)), waiting: AtomicU32::new(0) }))
    }

    /// Hashes a new password. The caller has bounded its length.
    ///
    /// # Errors
    ///
    /// [`CryptoError::PasswordsBusy`] if too many wait, or hashing failed.
    pub async fn hash(&self, password: Secret) -> Result<PasswordHash, CryptoError> {
        self.run(move || {
            let hash = Argon2::default().hash_password(password.expose().as_bytes());
            hash.map(|hash| PasswordHash(hash.to_string())).map_err(|_| CryptoError::PasswordHash)
        })
        .await
    }

    /// Whether this is the password of the hash. Without a hash (nobody has this name) the work is the same and the
    /// answer is no, so that the time taken does not tell whether a name exists.
    ///
    /// # Errors
    ///
    /// [`CryptoError::PasswordsBusy`] if too many wait, or the stored hash cannot be read.
    pub async fn verify(&self, password: Secret, hash: Option<PasswordHash>) -> Result<bool, CryptoError> {
        self.run(move || {
            let known = hash.is_some();
            let text = hash.as_ref().map_or(DUMMY_HASH, PasswordHash::as_str);
            match Argon2::default().verify_password(password.expose().as_bytes(), text) {
                Ok(()) => Ok(known),
                Err(argon2::password_hash::Error::PasswordInvalid) => Ok(false),
                Err(_) => Err(CryptoError::PasswordHash),
            }
        })
        .await
    }

    async fn run<T: Send + 'static>(
        &self,
        work: impl FnOnce() -> Result<T, CryptoError> + Send + 'static,
    ) -> Result<T, CryptoError> {
        let place = WaitingPlace::take(&self.0.waiting)?;
        let turn = tokio::time::timeout(WAIT_MAX, Arc::clone(&self.0.turns).acquire_owned())
            .await
            .map_err(|_| CryptoError::PasswordsBusy)?
            .map_err(|_| CryptoError::PasswordsBusy)?;
        drop(place);
        // The turn moves into the work: a caller that leaves does not make room before the work is really done.
        tokio::task::spawn_blocking(move || {
            let result = work();
            drop(turn);
            result
        })
        .await
        .map_err(|_| CryptoError::PasswordHash)?
    }
}

/// A place in the line, given back when it is dropped.
struct WaitingPlace<'line>(&'line AtomicU32);

impl<'line> WaitingPlace<'line> {
    fn take(line: &'line AtomicU32) -> Result<Self, CryptoError> {
        if line.fetch_add(1, Ordering::Relaxed) < WAITING_MAX {
            return Ok(Self(line));
        }
        line.fetch_sub(1, Ordering::Relaxed);
        Err(CryptoError::PasswordsBusy)
    }
}

impl Drop for WaitingPlace<'_> {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::Relaxed);
    }
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "tests")]
mod tests {
    use super::*;

    fn secret(text: &str) -> Secret {
        Secret::new(text.to_owned())
    }

    #[tokio::test]
    async fn knows_the_password_again() {
        let passwords = Passwords::new();
        let hash = passwords.hash(secret("correct horse")).await.unwrap();
        assert!(hash.as_str().starts_with("$argon2id$v=19$m=19456,t=2,p=1$"));
        assert!(passwords.verify(secret("correct horse"), Some(hash.clone())).await.unwrap());
        assert!(!passwords.verify(secret("wrong horse"), Some(hash)).await.unwrap());
    }

    #[tokio::test]
    async fn does_the_same_work_for_nobody_and_says_no() {
        assert!(!Passwords::new().verify(secret("anything"), None).await.unwrap());
    }

    #[tokio::test]
    async fn refuses_at_once_when_too_many_wait() {
        let passwords = Passwords::new();
        passwords.0.waiting.store(WAITING_MAX, Ordering::Relaxed);
        assert!(matches!(passwords.hash(secret("a")).await, Err(CryptoError::PasswordsBusy)));
        assert_eq!(passwords.0.waiting.load(Ordering::Relaxed), WAITING_MAX);
    }
}
