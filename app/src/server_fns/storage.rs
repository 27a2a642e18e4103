//! How much room the records take, and whether they get into the database.

use leptos::server;
use leptos::server_fn::codec::GetUrl;
use sluice::model::{RecordingView, StorageView};

use crate::UiError;

/// How large the database is, and what a day adds to it.
#[server(prefix = "/api/ui", endpoint = "storage/get", input = GetUrl)]
pub async fn get_storage() -> Result<StorageView, UiError> {
    let context = crate::ssr::request_context()?;
    context.answer(context.services.storage.get(&context.actor).await)
}

/// Whether records get into the database.
#[server(prefix = "/api/ui", endpoint = "storage/recording", input = GetUrl)]
pub async fn get_recording() -> Result<RecordingView, UiError> {
    let context = crate::ssr::request_context()?;
    context.answer(context.services.storage.recording(&context.actor).await)
}
