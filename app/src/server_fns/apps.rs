//! Apps.

use leptos::server;
use leptos::server_fn::codec::GetUrl;
use sluice::model::{AppId, AppView};

use crate::UiError;
use crate::forms::LimitsForm;

/// Every app.
#[server(prefix = "/api/ui", endpoint = "apps/list", input = GetUrl)]
pub async fn list_apps() -> Result<Vec<AppView>, UiError> {
    let context = crate::ssr::request_context()?;
    context.answer(context.services.apps.list(&context.actor).await)
}

/// One app.
#[server(prefix = "/api/ui", endpoint = "apps/get", input = GetUrl)]
pub async fn get_app(id: AppId) -> Result<AppView, UiError> {
    use sluice::model::{Refusal, Resource};

    let context = crate::ssr::request_context()?;
    let apps = context.answer(context.services.apps.list(&context.actor).await)?;
    apps.into_iter().find(|app| app.id == id).ok_or_else(|| Refusal::NotFound { resource: Resource::App }.into())
}

/// Registers an app.
#[server(prefix = "/api/ui", endpoint = "apps/create")]
pub async fn create_app(#[server(default)] name: String, #[server(default)] limits: LimitsForm) -> Result<(), UiError> {
    let context = crate::ssr::signed_in_context()?;
    let limits = limits.parse().map_err(crate::ssr::refuse_fields)?;
    let input = sluice::model::AppInput { name: name.trim().to_owned(), limits, ..Default::default() };
    context.answer(context.services.apps.create(&context.actor, input).await).map(drop)
}

/// Switches an app on or off.
#[server(prefix = "/api/ui", endpoint = "apps/set_enabled")]
pub async fn set_app_enabled(id: AppId, #[server(default)] enabled: bool) -> Result<(), UiError> {
    let context = crate::ssr::request_context()?;
    context.answer(context.services.apps.set_enabled(&context.actor, id, enabled).await).map(drop)
}

/// Sets what an app may send and goes to the list.
#[server(prefix = "/api/ui", endpoint = "apps/set_limits")]
pub async fn set_app_limits(id: AppId, #[server(default)] limits: LimitsForm) -> Result<(), UiError> {
    let context = crate::ssr::signed_in_context()?;
    let limits = limits.parse().map_err(crate::ssr::refuse_fields)?;
    context.answer(context.services.apps.set_limits(&context.actor, id, limits).await)?;
    crate::ssr::redirect(&crate::query::Destination::Apps);
    Ok(())
}

/// Deletes an app, which revokes its keys.
#[server(prefix = "/api/ui", endpoint = "apps/delete")]
pub async fn delete_app(id: AppId) -> Result<(), UiError> {
    let context = crate::ssr::request_context()?;
    context.answer(context.services.apps.delete(&context.actor, id).await)
}
