//! What only the server does: who asks, cookies, statuses and redirects.
//!
//! The calls that change with leptos 0.9 (`redirect`, statuses) are made here and nowhere else.

use std::net::IpAddr;
use std::sync::Arc;
use std::time::Duration;

use http::StatusCode;
use http::header::{ACCEPT, ACCEPT_LANGUAGE, COOKIE, HeaderName, HeaderValue, LOCATION, SET_COOKIE};
use http::request::Parts;
use leptos::prelude::use_context;
use leptos::server_fn::redirect::REDIRECT_HEADER;
use leptos_axum::ResponseOptions;
use sluice::model::{FieldProblem, Refusal};
use sluice::services::{Actor, ServiceError, Services};
use sluice::telemetry::ErrorChain;

use crate::UiError;
use crate::preferences::{LOCALE_COOKIE, Language, Preferences, THEME_COOKIE, Theme};
use crate::query::Destination;

/// Cookie that holds the session's token.
pub const SESSION_COOKIE: &str = "sluice_session";
/// Where server functions are; everything else is a page.
pub const SERVER_FN_PREFIX: &str = "/api/ui";
/// A preference is remembered for a year.
const PREFERENCE_LIFETIME: Duration = Duration::from_hours(365 * 24);

/// Who asks, and what answers: provided to pages and server functions by the host for every request.
#[derive(Clone)]
pub struct RequestContext {
    /// What an administrator can do.
    pub services: Arc<Services>,
    /// Who asks.
    pub actor: Actor,
    /// Id of the request in the log.
    pub request_id: String,
    /// Where the request comes from.
    pub client_address: IpAddr,
    /// Whether cookies are marked `Secure`.
    pub secure_cookies: bool,
    /// Scheme, host and port that the browser used, e.g. `http://127.0.0.1:8080`.
    pub origin: String,
}

impl RequestContext {
    /// Turns a service's answer into one for the browser; what went wrong inside is logged here, once.
    ///
    /// # Errors
    /// The service's refusal.
    pub fn answer<T>(&self, result: Result<T, ServiceError>) -> Result<T, UiError> {
        result.map_err(|error| {
            let refusal = error.refusal(&self.request_id);
            if error.is_failure() {
                tracing::error!(request_id = %self.request_id, error = %ErrorChain(&error), "dashboard request failed");
            }
            refuse_status(&refusal);
            UiError::Refused { refusal }
        })
    }
}

/// The context of the request that is being answered.
///
/// # Errors
/// The host provided none: a fault in its composition.
pub fn request_context() -> Result<RequestContext, UiError> {
    use_context::<RequestContext>().ok_or_else(|| {
        tracing::error!("no request context was provided to the dashboard");
        UiError::from(Refusal::Internal { request_id: String::new() })
    })
}

/// The context of a request by somebody who is signed in, for functions that read a form before they call a service: a
/// stranger learns nothing about forms. The service authorizes all the same.
///
/// # Errors
/// Nobody is signed in.
pub(crate) fn signed_in_context() -> Result<RequestContext, UiError> {
    let context = request_context()?;
    if matches!(context.actor, Actor::Anonymous) {
        refuse_status(&Refusal::SignInRequired);
        return Err(Refusal::SignInRequired.into());
    }
    Ok(context)
}

/// The clock, in milliseconds since 1970 UTC.
pub(crate) fn now_ms() -> i64 {
    jiff::Timestamp::now().as_millisecond()
}

/// Language and theme of the request; the defaults while routes are listed at start-up.
pub(crate) fn preferences() -> Preferences {
    let Some(parts) = use_context::<Parts>() else { return Preferences::default() };
    let language = cookie(&parts, LOCALE_COOKIE).and_then(|value| value.parse().ok()).unwrap_or_else(|| {
        let header = parts.headers.get(ACCEPT_LANGUAGE).and_then(|value| value.to_str().ok());
        header.map_or_else(Language::default, Language::from_accept_language)
    });
    let theme = cookie(&parts, THEME_COOKIE).and_then(|value| value.parse::<Theme>().ok()).unwrap_or_default();
    Preferences { language, theme }
}

/// The session's token as the browser sent it.
pub(crate) fn session_token() -> Option<String> {
    use_context::<Parts>().as_ref().and_then(|parts| cookie(parts, SESSION_COOKIE)).map(ToOwned::to_owned)
}

/// Gives the browser a session.
pub(crate) fn start_session(context: &RequestContext, token: &str, lifetime: Duration) {
    set_cookie(context, SESSION_COOKIE, token, lifetime);
}

/// Takes the session away from the browser.
pub(crate) fn end_session(context: &RequestContext) {
    set_cookie(context, SESSION_COOKIE, "", Duration::ZERO);
}

/// Remembers the language.
pub(crate) fn remember_language(context: &RequestContext, language: Language) {
    set_cookie(context, LOCALE_COOKIE, language.as_str(), PREFERENCE_LIFETIME);
}

/// Remembers the theme.
pub(crate) fn remember_theme(context: &RequestContext, theme: Theme) {
    set_cookie(context, THEME_COOKIE, theme.as_str(), PREFERENCE_LIFETIME);
}

/// Sends the browser to one of the dashboard's own pages. The caller still has to return.
pub(crate) fn redirect(destination: &Destination) {
    redirect_to(&destination.path());
}

/// Sends the browser to a local path that this crate made itself; never give it what somebody entered.
pub(crate) fn redirect_to(path: &str) {
    let (Some(parts), Some(response)) = (use_context::<Parts>(), use_context::<ResponseOptions>()) else { return };
    let Ok(location) = HeaderValue::from_str(path) else {
        tracing::error!("a redirect was left out because its path is not a header value");
        return;
    };
    response.insert_header(LOCATION, location);
    if is_script_call(&parts) {
        // The browser's router follows this header; a real 302 would be followed by `fetch` before the router sees it.
        response.insert_header(HeaderName::from_static(REDIRECT_HEADER), HeaderValue::from_static(""));
    } else {
        response.set_status(StatusCode::FOUND);
    }
}

/// Answers the page with 404.
pub(crate) fn set_not_found() {
    if let Some(response) = use_context::<ResponseOptions>() {
        response.set_status(StatusCode::NOT_FOUND);
    }
}

/// Refuses a form that cannot be read.
pub(crate) fn refuse_fields(fields: Vec<FieldProblem>) -> UiError {
    let refusal = Refusal::Invalid { fields };
    refuse_status(&refusal);
    refusal.into()
}

/// Gives a refusal its status. Only where a script asked: a form that was sent without JavaScript is answered with a
/// redirect back to its page, and a status would turn that into a dead end.
fn refuse_status(refusal: &Refusal) {
    let status = match refusal {
        Refusal::Invalid { .. } => StatusCode::UNPROCESSABLE_ENTITY,
        Refusal::SignInRequired | Refusal::WrongCredentials => StatusCode::UNAUTHORIZED,
        Refusal::TooManyAttempts { .. } => StatusCode::TOO_MANY_REQUESTS,
        Refusal::SetupLinkInvalid | Refusal::SetupDone | Refusal::ForeignOrigin => StatusCode::FORBIDDEN,
        Refusal::NotFound { .. } => StatusCode::NOT_FOUND,
        Refusal::Unavailable => StatusCode::SERVICE_UNAVAILABLE,
        Refusal::Internal { .. } => StatusCode::INTERNAL_SERVER_ERROR,
    };
    if let (Some(parts), Some(response)) = (use_context::<Parts>(), use_context::<ResponseOptions>())
        && is_script_call(&parts)
    {
        response.set_status(status);
    }
}

/// Whether a script called a server function, as opposed to a form without JavaScript or a page.
fn is_script_call(parts: &Parts) -> bool {
    let accepts_pages = parts
        .headers
        .get(ACCEPT)
        .and_then(|value| value.to_str().ok())
        .is_some_and(|value| value.contains("text/html"));
    parts.uri.path().starts_with(SERVER_FN_PREFIX) && !accepts_pages
}

/// The value of a cookie.
fn cookie<'a>(parts: &'a Parts, name: &str) -> Option<&'a str> {
    parts
        .headers
        .get_all(COOKIE)
        .iter()
        .filter_map(|header| header.to_str().ok())
        .flat_map(|header| header.split(';'))
        .find_map(|pair| pair.trim().split_once('=').filter(|(key, _)| *key == name).map(|(_, value)| value))
}

fn set_cookie(context: &RequestContext, name: &str, value: &str, lifetime: Duration) {
    let secure = if context.secure_cookies { "; Secure" } else { "" };
    let seconds = lifetime.as_secs();
    let text = format!("{name}={value}; Path=/; Max-Age={seconds}; HttpOnly; SameSite=Lax{secure}");
    let (Ok(mut header), Some(response)) = (HeaderValue::from_str(&text), use_context::<ResponseOptions>()) else {
        tracing::error!(cookie = name, "a cookie could not be set");
        return;
    };
    header.set_sensitive(true);
    response.append_header(SET_COOKIE, header);
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "tests")]
mod tests {
    use super::*;

    fn parts(path: &str, headers: &[(&'static str, &'static str)]) -> Parts {
        let mut request = http::Request::builder().uri(path);
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        request.body(()).unwrap().into_parts().0
    }

    #[test]
    fn finds_a_cookie_among_others() {
        let parts = parts("/", &[("cookie", "a=1; sluice_session=abc=; b=2"), ("cookie", "sluice_theme=dark")]);
        assert_eq!(cookie(&parts, SESSION_COOKIE), Some("abc="));
        assert_eq!(cookie(&parts, THEME_COOKIE), Some("dark"));
        assert_eq!(cookie(&parts, "session"), None);
    }

    #[test]
    fn tells_scripts_from_pages_and_plain_forms() {
        assert!(is_script_call(&parts("/api/ui/servers/list", &[("accept", "application/json")])));
        assert!(!is_script_call(&parts("/api/ui/servers/save", &[("accept", "text/html,*/*")])));
        assert!(!is_script_call(&parts("/servers", &[("accept", "*/*")])));
    }
}
