//! Keys.

use leptos::server;
use leptos::server_fn::codec::GetUrl;
use serde::{Deserialize, Serialize};
use sluice::model::{AppView, CreatedKey, KeyId, KeyView};

use crate::UiError;
use crate::forms::KeyForm;

/// What the form of a key offers to choose from.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct KeyChoices {
    /// Every app.
    pub apps: Vec<AppView>,
    /// Every public model name, sorted.
    pub models: Vec<String>,
    /// A model for an example of a chat.
    pub example_model: Option<String>,
    /// Scheme, host and port of the gateway, for ready calls.
    pub origin: String,
}

/// Every key, newest first, revoked ones included.
#[server(prefix = "/api/ui", endpoint = "keys/list", input = GetUrl)]
pub async fn list_keys() -> Result<Vec<KeyView>, UiError> {
    let context = crate::ssr::request_context()?;
    context.answer(context.services.keys.list(&context.actor).await)
}

/// One key.
#[server(prefix = "/api/ui", endpoint = "keys/get", input = GetUrl)]
pub async fn get_key(id: KeyId) -> Result<KeyView, UiError> {
    use sluice::model::{Refusal, Resource};

    let context = crate::ssr::request_context()?;
    let keys = context.answer(context.services.keys.list(&context.actor).await)?;
    let key = keys.into_iter().find(|key| key.id == id);
    key.ok_or_else(|| Refusal::NotFound { resource: Resource::Key }.into())
}

/// What a key can be bound and limited to.
#[server(prefix = "/api/ui", endpoint = "keys/choices", input = GetUrl)]
pub async fn get_key_choices() -> Result<KeyChoices, UiError> {
    let context = crate::ssr::request_context()?;
    let apps = context.answer(context.services.apps.list(&context.actor).await)?;
    let servers = context.answer(context.services.servers.list(&context.actor).await)?;
    let models = super::overview::public_models(&servers);
    let example_model = super::overview::example_model(&servers);
    Ok(KeyChoices { apps, models, example_model, origin: context.origin })
}

/// Creates a key; the answer is the only place where it is ever seen.
#[server(prefix = "/api/ui", endpoint = "keys/create")]
pub async fn create_key(form: KeyForm) -> Result<CreatedKey, UiError> {
    let context = crate::ssr::signed_in_context()?;
    let budgets = form.budgets.clone();
    let (_, input) = form.parse().map_err(crate::ssr::refuse_fields)?;
    let created = context.answer(context.services.keys.create(&context.actor, input).await);
    created.map_err(|error| budgets.locate(error))
}

/// Changes a key and goes to the list.
#[server(prefix = "/api/ui", endpoint = "keys/update")]
pub async fn update_key(form: KeyForm) -> Result<(), UiError> {
    use sluice::model::{Refusal, Resource};

    let context = crate::ssr::signed_in_context()?;
    let budgets = form.budgets.clone();
    let (id, input) = form.parse().map_err(crate::ssr::refuse_fields)?;
    let id = id.ok_or(Refusal::NotFound { resource: Resource::Key })?;
    let updated = context.answer(context.services.keys.update(&context.actor, id, input).await);
    updated.map_err(|error| budgets.locate(error))?;
    crate::ssr::redirect(&crate::query::Destination::Keys);
    Ok(())
}

/// Revokes a key for good.
#[server(prefix = "/api/ui", endpoint = "keys/revoke")]
pub async fn revoke_key(id: KeyId) -> Result<(), UiError> {
    let context = crate::ssr::request_context()?;
    context.answer(context.services.keys.revoke(&context.actor, id).await).map(drop)
}
