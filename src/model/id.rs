//! Typed ids: one type per table, so that an app's id can never be passed where a server's is meant.
//!
//! Ids are never reused, also not after a deletion.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

macro_rules! typed_id {
    ($(#[$doc:meta])* $name:ident) => {
        $(#[$doc])*
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
        #[serde(transparent)]
        pub struct $name(pub i64);

        impl fmt::Display for $name {
            fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
                self.0.fmt(formatter)
            }
        }

        impl FromStr for $name {
            type Err = std::num::ParseIntError;

            fn from_str(text: &str) -> Result<Self, Self::Err> {
                text.parse().map(Self)
            }
        }
    };
}

typed_id!(
    /// A configured upstream endpoint.
    ServerId
);
typed_id!(
    /// A calling application.
    AppId
);
typed_id!(
    /// A key that Sluice issued to an app.
    KeyId
);
typed_id!(
    /// A price that an administrator entered.
    PriceId
);
typed_id!(
    /// Somebody who can sign in to the dashboard.
    UserId
);
typed_id!(
    /// A token for the administration API.
    AdminTokenId
);
