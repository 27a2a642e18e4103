//! Why a service refused or failed.

use std::time::Duration;

use crate::crypto::CryptoError;
use crate::model::{FieldProblem, Problem, Refusal, Resource};
use crate::storage::StorageError;

/// Why a service refused or failed.
#[derive(Debug, thiserror::Error)]
pub enum ServiceError {
    /// Something that was entered cannot be accepted; every problem that was found.
    #[error("the input cannot be accepted")]
    Invalid(Vec<FieldProblem>),
    /// Nobody is signed in.
    #[error("nobody is signed in")]
    SignInRequired,
    /// The name or the password is wrong.
    #[error("wrong credentials")]
    WrongCredentials,
    /// Too many failed attempts to sign in.
    #[error("too many failed attempts to sign in")]
    TooManyAttempts {
        /// When the next attempt is looked at.
        retry_after: Duration,
    },
    /// The set-up token is wrong, was used or was replaced.
    #[error("the set-up link is not valid")]
    SetupLinkInvalid,
    /// There is an administrator already.
    #[error("set-up is done already")]
    SetupDone,
    /// The object does not exist, or was deleted.
    #[error("this {0} does not exist")]
    NotFound(Resource),
    /// The database refused or failed.
    #[error("the database failed")]
    Storage(#[from] StorageError),
    /// Too many ask for the same at the same time.
    #[error("too many ask for this at the same time")]
    Busy,
    /// Sealing, opening or hashing failed.
    #[error("cryptography failed")]
    Crypto(#[from] CryptoError),
    /// A part of a file could not be written.
    #[error("the export could not be written")]
    Export(#[from] std::io::Error),
}

impl ServiceError {
    /// One field with one problem.
    pub fn invalid(field: &str, problem: Problem) -> Self {
        Self::Invalid(vec![FieldProblem::new(field, problem)])
    }

    /// What may be said to whoever asked. The inside of a failure is never in it: that belongs into the log, under
    /// `request_id`.
    pub fn refusal(&self, request_id: &str) -> Refusal {
        match self {
            Self::Invalid(fields) => Refusal::Invalid { fields: fields.clone() },
            Self::SignInRequired => Refusal::SignInRequired,
            Self::WrongCredentials => Refusal::WrongCredentials,
            Self::TooManyAttempts { retry_after } => {
                let seconds = retry_after.as_millis().div_ceil(1000).max(1);
                Refusal::TooManyAttempts { retry_after_seconds: u32::try_from(seconds).unwrap_or(u32::MAX) }
            }
            Self::SetupLinkInvalid => Refusal::SetupLinkInvalid,
            Self::SetupDone => Refusal::SetupDone,
            Self::NotFound(resource) => Refusal::NotFound { resource: *resource },
            Self::Crypto(CryptoError::PasswordsBusy) => Refusal::TooManyAttempts { retry_after_seconds: 1 },
            Self::Busy => Refusal::Unavailable,
            Self::Storage(error) if error.is_transient() => Refusal::Unavailable,
            Self::Storage(_) | Self::Crypto(_) | Self::Export(_) => {
                Refusal::Internal { request_id: request_id.to_owned() }
            }
        }
    }

    /// Whether this is a failure of Sluice and not a refusal: then the caller logs it, once, with its whole chain.
    pub const fn is_failure(&self) -> bool {
        match self {
            Self::Invalid(_)
            | Self::SignInRequired
            | Self::WrongCredentials
            | Self::TooManyAttempts { .. }
            | Self::SetupLinkInvalid
            | Self::SetupDone
            | Self::NotFound(_)
            | Self::Busy
            | Self::Crypto(CryptoError::PasswordsBusy) => false,
            Self::Storage(_) | Self::Crypto(_) | Self::Export(_) => true,
        }
    }
}

/// Gathers everything that is wrong with an input, so that a person sees all of it at once.
#[derive(Debug, Default)]
pub(super) struct Problems(Vec<FieldProblem>);

impl Problems {
    /// Notes a problem of a field.
    pub(super) fn add(&mut self, field: &str, problem: Problem) {
        self.0.push(FieldProblem::new(field, problem));
    }

    /// The value, or `None` after noting what is wrong with it.
    pub(super) fn take<T>(&mut self, field: &str, result: Result<T, Problem>) -> Option<T> {
        result.map_err(|problem| self.add(field, problem)).ok()
    }

    /// Refuses if anything was noted.
    pub(super) fn refuse(self) -> Result<(), ServiceError> {
        if self.0.is_empty() { Ok(()) } else { Err(ServiceError::Invalid(self.0)) }
    }
}
