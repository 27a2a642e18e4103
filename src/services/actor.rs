//! Who asks for something.

use std::net::IpAddr;

use super::ServiceError;
use crate::model::{AdminTokenId, UserId};

/// Who asks for something. Every service takes it first and authorizes on its first line.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Actor {
    /// Nobody that is known.
    Anonymous,
    /// Somebody who is signed in to the dashboard.
    User {
        /// The user's id.
        id: UserId,
        /// The user's name.
        username: String,
    },
    /// The holder of a token for the administration API.
    Token {
        /// The token's id.
        id: AdminTokenId,
        /// The token's name.
        name: String,
    },
    /// Whoever runs the command line on this machine and can read the data folder anyway.
    Console,
}

impl Actor {
    /// Refuses everybody who is not known. The first line of every service's methods.
    pub(super) const fn authorize(&self) -> Result<(), ServiceError> {
        match self {
            Self::Anonymous => Err(ServiceError::SignInRequired),
            Self::User { .. } | Self::Token { .. } | Self::Console => Ok(()),
        }
    }
}

/// Where an attempt to sign in comes from, as far as limiting attempts is concerned: an IPv6 caller owns a whole /64.
pub(super) fn throttled_address(address: IpAddr) -> IpAddr {
    match address.to_canonical() {
        IpAddr::V6(address) => {
            let network = u128::from(address) & !u128::from(u64::MAX);
            IpAddr::V6(network.into())
        }
        address @ IpAddr::V4(_) => address,
    }
}
