//! Language and theme; open to everybody, also before signing in.

#![cfg_attr(feature = "ssr", expect(clippy::unused_async, reason = "`#[server]` wants async functions"))]

use leptos::server;

use crate::UiError;
use crate::preferences::{Language, Theme};

/// Remembers the language; the form loads the page anew.
#[server(prefix = "/api/ui", endpoint = "preferences/language")]
pub async fn choose_language(language: Language) -> Result<(), UiError> {
    let context = crate::ssr::request_context()?;
    crate::ssr::remember_language(&context, language);
    Ok(())
}

/// Remembers the theme.
#[server(prefix = "/api/ui", endpoint = "preferences/theme")]
pub async fn choose_theme(theme: Theme) -> Result<(), UiError> {
    let context = crate::ssr::request_context()?;
    crate::ssr::remember_theme(&context, theme);
    Ok(())
}
