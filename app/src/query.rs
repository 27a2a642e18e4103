//! What addresses of the dashboard say: where to go after signing in, which page of a list, which notice.
//!
//! Nothing from an address is ever used as a path or shown as text; it is mapped to closed sets here.

use std::fmt::Write as _;

use leptos::Params;
use leptos_router::params::Params;
use sluice::model::{AppId, KeyId, PriceId, ServerId};

/// A page of the dashboard that a person can be sent to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Destination {
    /// The first page.
    Overview,
    /// Signing in.
    #[cfg(feature = "ssr")]
    SignIn,
    /// The list of servers.
    Servers,
    /// A new server.
    NewServer,
    /// One server: its limits and its queue.
    Server(ServerId),
    /// The form of one server.
    EditServer(ServerId),
    /// The list of apps.
    Apps,
    /// One app.
    App(AppId),
    /// The list of keys.
    Keys,
    /// A new key.
    NewKey,
    /// One key.
    Key(KeyId),
    /// What models cost.
    Prices,
    /// A new price.
    NewPrice,
    /// One price that was entered.
    Price(PriceId),
    /// The newest requests.
    Requests,
    /// One request, by its id.
    Request(String),
}

impl Destination {
    /// Its path.
    pub(crate) fn path(&self) -> String {
        match self {
            Self::Overview => "/".to_owned(),
            #[cfg(feature = "ssr")]
            Self::SignIn => "/login".to_owned(),
            Self::Servers => "/servers".to_owned(),
            Self::NewServer => "/servers/new".to_owned(),
            Self::Server(id) => format!("/servers/{id}"),
            Self::EditServer(id) => format!("/servers/{id}/edit"),
            Self::Apps => "/apps".to_owned(),
            Self::App(id) => format!("/apps/{id}"),
            Self::Keys => "/keys".to_owned(),
            Self::NewKey => "/keys/new".to_owned(),
            Self::Key(id) => format!("/keys/{id}"),
            Self::Prices => "/prices".to_owned(),
            Self::NewPrice => "/prices/new".to_owned(),
            Self::Price(id) => format!("/prices/{id}"),
            Self::Requests => "/requests".to_owned(),
            Self::Request(id) => format!("/requests/{id}"),
        }
    }

    /// The form for a price of one model at one server.
    pub(crate) fn new_price_of(model: &str, server: ServerId) -> String {
        let model = percent_encoded(model);
        format!("{}?model={model}&server={server}", Self::NewPrice.path())
    }

    /// The form for a price like the one with this number among the shipped ones.
    pub(crate) fn new_price_like(shipped: u32) -> String {
        format!("{}?shipped={shipped}", Self::NewPrice.path())
    }

    /// The page that a path leads to; the first page for anything else, other sites included.
    pub(crate) fn after_sign_in(path: &str) -> Self {
        match path {
            "/servers" => Self::Servers,
            "/servers/new" => Self::NewServer,
            "/apps" => Self::Apps,
            "/keys" => Self::Keys,
            "/keys/new" => Self::NewKey,
            "/prices" => Self::Prices,
            "/prices/new" => Self::NewPrice,
            "/requests" => Self::Requests,
            other => Self::numbered(other).unwrap_or(Self::Overview),
        }
    }

    fn numbered(path: &str) -> Option<Self> {
        if let Some(id) = path.strip_prefix("/servers/") {
            return match id.strip_suffix("/edit") {
                Some(id) => id.parse().ok().map(Self::EditServer),
                None => id.parse().ok().map(Self::Server),
            };
        }
        if let Some(id) = path.strip_prefix("/requests/") {
            let is_id = id.len() == 36 && id.bytes().all(|byte| byte.is_ascii_hexdigit() || byte == b'-');
            return is_id.then(|| Self::Request(id.to_owned()));
        }
        if let Some(id) = path.strip_prefix("/apps/") {
            return id.parse().ok().map(Self::App);
        }
        if let Some(id) = path.strip_prefix("/prices/") {
            return id.parse().ok().map(Self::Price);
        }
        path.strip_prefix("/keys/").and_then(|id| id.parse().ok()).map(Self::Key)
    }

    /// The page for signing in that leads back to this one.
    pub(crate) fn sign_in_path(&self) -> String {
        match self {
            Self::Overview => "/login".to_owned(),
            #[cfg(feature = "ssr")]
            Self::SignIn => "/login".to_owned(),
            other => format!("/login?next={}", other.path()),
        }
    }
}

/// A text as a value in the query of an address.
fn percent_encoded(text: &str) -> String {
    let mut encoded = String::with_capacity(text.len());
    for byte in text.bytes() {
        if byte.is_ascii_alphanumeric() || b"-._~".contains(&byte) {
            encoded.push(char::from(byte));
        } else {
            let _ = write!(encoded, "%{byte:02X}");
        }
    }
    encoded
}

/// What the form of a new price holds at first: a configured model, or a shipped price.
#[derive(Clone, Debug, Default, PartialEq, Eq, Params)]
pub(crate) struct NewPriceQuery {
    /// Public name of a configured model.
    pub(crate) model: Option<String>,
    /// Id of its server.
    pub(crate) server: Option<i64>,
    /// Number of a shipped price.
    pub(crate) shipped: Option<u32>,
}

/// What the page for signing in is asked to do afterwards.
#[derive(Clone, Debug, Default, PartialEq, Eq, Params)]
pub(crate) struct SignInQuery {
    /// The path that the person came for.
    pub(crate) next: Option<String>,
}

/// What the set-up link carries.
#[derive(Clone, Debug, Default, PartialEq, Eq, Params)]
pub(crate) struct SetupQuery {
    /// The one-time token.
    pub(crate) token: Option<String>,
}

/// Which request a page is about.
#[derive(Clone, Debug, Default, PartialEq, Eq, Params)]
pub(crate) struct RequestParams {
    /// Sluice's own id of it.
    pub(crate) id: Option<String>,
}

/// The number in the address of one object.
#[derive(Clone, Debug, Default, PartialEq, Eq, Params)]
pub(crate) struct IdParams {
    /// Id of the object.
    pub(crate) id: Option<i64>,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_destination_leads_back_to_itself() {
        for destination in [
            Destination::Overview,
            Destination::Servers,
            Destination::NewServer,
            Destination::Server(ServerId(7)),
            Destination::EditServer(ServerId(7)),
            Destination::Apps,
            Destination::App(AppId(3)),
            Destination::Keys,
            Destination::NewKey,
            Destination::Key(KeyId(9)),
            Destination::Prices,
            Destination::NewPrice,
            Destination::Price(PriceId(2)),
            Destination::Requests,
            Destination::Request("019a0000-0000-7000-8000-000000000000".to_owned()),
        ] {
            assert_eq!(Destination::after_sign_in(&destination.path()), destination);
        }
    }

    #[test]
    fn names_of_models_stay_inside_their_value() {
        let address = Destination::new_price_of("a/b & c=水?", ServerId(3));
        assert_eq!(address, "/prices/new?model=a%2Fb%20%26%20c%3D%E6%B0%B4%3F&server=3");
    }

    #[test]
    fn foreign_and_odd_paths_lead_to_the_first_page() {
        for path in [
            "https://evil.example/",
            "//evil.example",
            "/servers/../x",
            "/servers/1?x",
            "/servers/1/x",
            "/apps/x",
            "/requests/019a0000-0000-7000-8000-00000000000/",
            "",
            "/login",
            "javascript:x",
        ] {
            assert_eq!(Destination::after_sign_in(path), Destination::Overview, "{path}");
        }
    }
}
