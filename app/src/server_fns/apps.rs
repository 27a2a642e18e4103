//! Apps.

use leptos::server;
use leptos::server_fn::codec::GetUrl;
use sluice::model::{AppId, AppView};

use crate::UiError;
use crate::forms::{BudgetsForm, LimitsForm};

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
pub async fn create_app(
    #[server(default)] name: String,
    #[server(default)] limits: LimitsForm,
    #[server(default)] budgets: BudgetsForm,
) -> Result<(), UiError> {
    let context = crate::ssr::signed_in_context()?;
    let (limits, parsed) = limits_and_budgets(&limits, &budgets)?;
    let input = sluice::model::AppInput { name: name.trim().to_owned(), limits, budgets: parsed };
    let created = context.answer(context.services.apps.create(&context.actor, input).await);
    created.map(drop).map_err(|error| budgets.locate(error))
}

/// Switches an app on or off.
#[server(prefix = "/api/ui", endpoint = "apps/set_enabled")]
pub async fn set_app_enabled(id: AppId, #[server(default)] enabled: bool) -> Result<(), UiError> {
    let context = crate::ssr::request_context()?;
    context.answer(context.services.apps.set_enabled(&context.actor, id, enabled).await).map(drop)
}

/// Reads both groups of fields, so that a person sees all that is wrong at once.
#[cfg(feature = "ssr")]
fn limits_and_budgets(
    limits: &LimitsForm,
    budgets: &BudgetsForm,
) -> Result<(sluice::model::Limits, Vec<sluice::model::Budget>), UiError> {
    let mut problems = Vec::new();
    let read = (limits.read(&mut problems), budgets.read(&mut problems));
    if problems.is_empty() { Ok(read) } else { Err(crate::ssr::refuse_fields(problems)) }
}

/// Sets what an app may send and use, and goes to the list.
#[server(prefix = "/api/ui", endpoint = "apps/set_limits")]
pub async fn set_app_limits(
    id: AppId,
    #[server(default)] limits: LimitsForm,
    #[server(default)] budgets: BudgetsForm,
) -> Result<(), UiError> {
    let context = crate::ssr::signed_in_context()?;
    let (limits, parsed) = limits_and_budgets(&limits, &budgets)?;
    let change = sluice::services::AppChange { limits: Some(limits), budgets: Some(parsed), ..Default::default() };
    let changed = context.answer(context.services.apps.change(&context.actor, id, change).await);
    changed.map_err(|error| budgets.locate(error))?;
    crate::ssr::redirect(&crate::query::Destination::Apps);
    Ok(())
}

/// Deletes an app, which revokes its keys.
#[server(prefix = "/api/ui", endpoint = "apps/delete")]
pub async fn delete_app(id: AppId) -> Result<(), UiError> {
    let context = crate::ssr::request_context()?;
    context.answer(context.services.apps.delete(&context.actor, id).await)
}
