//! Stage 1: who calls.

use std::sync::Arc;

use http::HeaderMap;
use http::header::AUTHORIZATION;

use crate::catalog::{AppEntry, KeyEntry, Snapshot};
use crate::crypto::{ISSUED_KEY_PREFIX, hash_token};
use crate::model::{AccessPolicy, AppRegistration};
use crate::proxy::{Caller, Gateway, GatewayError};
use crate::usage::AppReference;

/// Longest name of an app, in characters.
const APP_NAME_MAX: usize = 64;

/// Why a caller is refused, and who it is if that is known all the same: then the refusal leaves a row.
#[derive(Debug)]
pub(super) struct Refused {
    pub(super) error: GatewayError,
    pub(super) caller: Option<Caller>,
}

impl From<GatewayError> for Refused {
    fn from(error: GatewayError) -> Self {
        Self { error, caller: None }
    }
}

/// Finds out who calls.
///
/// # Errors
/// No valid key where one is needed; no usable `App-Name` where one is needed; an app that may not call.
pub(super) fn identify(gateway: &Gateway, snapshot: &Snapshot, headers: &HeaderMap) -> Result<Caller, Refused> {
    let key = identify_key(gateway, snapshot, headers)?;
    if let Some(id) = key.as_ref().and_then(|key| key.app_id) {
        // A key whose app was deleted is revoked with it; this is a snapshot between the two.
        let app = snapshot.app(id).ok_or(GatewayError::InvalidApiKey { sent: true })?;
        let caller = registered(app, key);
        return match app_name(headers) {
            Err(error) => Err(Refused { error, caller: Some(caller) }),
            Ok(Some(name)) if name != app.name => {
                Err(Refused { error: GatewayError::AppMismatch, caller: Some(caller) })
            }
            Ok(_) => enabled(app, caller),
        };
    }
    let name = app_name(headers)?.ok_or(GatewayError::MissingAppName)?;
    match snapshot.app_by_name(name) {
        Some(app) => enabled(app, registered(app, key)),
        None => Ok(newcomer(gateway, snapshot, name, key)?),
    }
}

fn registered(app: &AppEntry, key: Option<Arc<KeyEntry>>) -> Caller {
    Caller {
        app: AppReference::Registered(app.id),
        app_name: Arc::from(app.name.as_str()),
        key_id: key.as_ref().map(|key| key.id),
        key,
    }
}

fn enabled(app: &AppEntry, caller: Caller) -> Result<Caller, Refused> {
    if app.enabled { Ok(caller) } else { Err(Refused { error: GatewayError::AppDisabled, caller: Some(caller) }) }
}

/// A caller whose app is not registered: the record of its first request registers it.
fn newcomer(
    gateway: &Gateway,
    snapshot: &Snapshot,
    name: &str,
    key: Option<Arc<KeyEntry>>,
) -> Result<Caller, GatewayError> {
    if gateway.access().app_registration == AppRegistration::KnownOnly || !gateway.admit_newcomer(snapshot, name) {
        return Err(GatewayError::AppNotRegistered);
    }
    let app = AppReference::Named(name.to_owned());
    Ok(Caller { app, app_name: Arc::from(name), key_id: key.as_ref().map(|key| key.id), key })
}

/// The key that was sent, if it is one. `None` only under the policy `open`.
///
/// # Errors
/// No key where one is needed, or one that is not valid (any more). Under `open`, SDKs that insist on a key may send any
/// text; only one that looks like an issued key must be valid.
pub(super) fn identify_key(
    gateway: &Gateway,
    snapshot: &Snapshot,
    headers: &HeaderMap,
) -> Result<Option<Arc<KeyEntry>>, GatewayError> {
    let is_open = gateway.access().policy == AccessPolicy::Open;
    let Some(sent) = sent_key(headers) else {
        return if is_open { Ok(None) } else { Err(GatewayError::InvalidApiKey { sent: false }) };
    };
    // Found by its hash: strange keys cannot do more than not exist, and the time it takes says nothing about others.
    let sent = std::str::from_utf8(sent).unwrap_or_default();
    let found = snapshot.key(&hash_token(sent)).filter(|key| !is_expired(key));
    match found {
        Some(key) => Ok(Some(Arc::clone(key))),
        None if is_open && !sent.starts_with(ISSUED_KEY_PREFIX) => Ok(None),
        None => Err(GatewayError::InvalidApiKey { sent: true }),
    }
}

fn is_expired(key: &KeyEntry) -> bool {
    key.expires_at_ms.is_some_and(|end| end <= jiff::Timestamp::now().as_millisecond())
}

/// `Authorization: Bearer`, else `x-api-key`, else `api-key`.
fn sent_key(headers: &HeaderMap) -> Option<&[u8]> {
    if let Some(value) = headers.get(AUTHORIZATION) {
        let value = value.as_bytes();
        let (scheme, rest) = value.split_at(value.len().min("bearer ".len()));
        return Some(if scheme.eq_ignore_ascii_case(b"bearer ") { rest.trim_ascii() } else { value });
    }
    ["x-api-key", "api-key"].into_iter().find_map(|name| headers.get(name)).map(|value| value.as_bytes().trim_ascii())
}

fn app_name(headers: &HeaderMap) -> Result<Option<&str>, GatewayError> {
    let mut values = headers.get_all("app-name").iter();
    let Some(value) = values.next() else { return Ok(None) };
    if values.next().is_some() {
        return Err(GatewayError::InvalidAppName);
    }
    let name = value.to_str().map_err(|_| GatewayError::InvalidAppName)?;
    let is_sound = (1..=APP_NAME_MAX).contains(&name.len()) && name.bytes().all(|byte| byte.is_ascii_graphic());
    if is_sound { Ok(Some(name)) } else { Err(GatewayError::InvalidAppName) }
}
