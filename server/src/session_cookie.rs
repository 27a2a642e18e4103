//! The session's cookie as the REST API sets it, with the same attributes as the dashboard's server functions.

use std::time::Duration;

use http::HeaderValue;
use sluice_app::ssr::SESSION_COOKIE;

/// The cookie that gives a browser or a program a session.
pub(crate) fn granted(token: &str, lifetime: Duration, is_secure: bool) -> Option<HeaderValue> {
    cookie(token, lifetime.as_secs(), is_secure)
}

/// The cookie that takes it away.
pub(crate) fn withdrawn(is_secure: bool) -> Option<HeaderValue> {
    cookie("", 0, is_secure)
}

fn cookie(value: &str, max_age_seconds: u64, is_secure: bool) -> Option<HeaderValue> {
    let secure = if is_secure { "; Secure" } else { "" };
    let text = format!("{SESSION_COOKIE}={value}; Path=/; Max-Age={max_age_seconds}; HttpOnly; SameSite=Lax{secure}");
    let mut header = HeaderValue::from_str(&text).ok()?;
    header.set_sensitive(true);
    Some(header)
}
