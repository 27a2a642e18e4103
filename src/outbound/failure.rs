//! What kind of failure an error of the client is. By the types in its chain of causes, never by its text.

use std::error::Error;
use std::io;

use super::{AddressRefusal, RefusedName, UnresolvedName};

/// What kind of failure an error of the client is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum OutboundFailure {
    /// The name has no address.
    NameNotFound,
    /// The name leads only to addresses that are not allowed.
    AddressRefused(AddressRefusal),
    /// TLS could not be agreed on.
    Tls,
    /// A time limit of the client passed.
    TimedOut,
    /// No connection could be made.
    Connect,
    /// The connection broke after it had been made.
    Interrupted,
}

impl OutboundFailure {
    /// What kind of failure this is.
    pub fn of(error: &reqwest::Error) -> Self {
        let mut cause: Option<&(dyn Error + 'static)> = Some(error);
        while let Some(error) = cause {
            if let Some(RefusedName(refusal)) = error.downcast_ref() {
                return Self::AddressRefused(*refusal);
            }
            if error.is::<UnresolvedName>() {
                return Self::NameNotFound;
            }
            if error.is::<rustls::Error>() || is_tls(error) {
                return Self::Tls;
            }
            cause = error.source();
        }
        if error.is_timeout() {
            Self::TimedOut
        } else if error.is_connect() {
            Self::Connect
        } else {
            Self::Interrupted
        }
    }
}

/// An I/O error can carry another error that is not among its causes.
fn is_tls(error: &(dyn Error + 'static)) -> bool {
    let mut inner = error.downcast_ref::<io::Error>().and_then(io::Error::get_ref);
    while let Some(error) = inner {
        if error.is::<rustls::Error>() {
            return true;
        }
        inner = error.downcast_ref::<io::Error>().and_then(io::Error::get_ref);
    }
    false
}
