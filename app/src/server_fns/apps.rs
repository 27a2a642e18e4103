//! Apps.

use leptos::server;
use leptos::server_fn::codec::GetUrl;
use sluice::model::{AppId, AppView};

use crate::UiError;

/// Every app.
#[server(prefix = "/api/ui", endpoint = "apps/list", input = GetUrl)]
pub async fn list_apps() -> Result<Vec<AppView>, UiError> {
    let context = crate::ssr::request_context()?;
    context.answer(context.services.apps.list(&context.actor).await)
}

/// Registers an app.
#[server(prefix = "/api/ui", endpoint = "apps/create")]
pub async fn create_app(#[server(default)] name: String) -> Result<(), UiError> {
    let context = crate::ssr::request_context()?;
    let input = sluice::model::AppInput { name: name.trim().to_owned(), limits: sluice::model::Limits::default() };
    context.answer(context.services.apps.create(&context.actor, input).await).map(drop)
}

/// Switches an app on or off.
#[server(prefix = "/api/ui", endpoint = "apps/set_enabled")]
pub async fn set_app_enabled(id: AppId, #[server(default)] enabled: bool) -> Result<(), UiError> {
    let context = crate::ssr::request_context()?;
    context.answer(context.services.apps.set_enabled(&context.actor, id, enabled).await).map(drop)
}

/// Deletes an app, which revokes its keys.
#[server(prefix = "/api/ui", endpoint = "apps/delete")]
pub async fn delete_app(id: AppId) -> Result<(), UiError> {
    let context = crate::ssr::request_context()?;
    context.answer(context.services.apps.delete(&context.actor, id).await)
}
