//! The first administrator.

use leptos::server;

use crate::UiError;
use crate::forms::SetupForm;

/// Creates the first administrator with the one-time token, and signs in.
#[server(prefix = "/api/ui", endpoint = "setup/complete")]
pub async fn complete_setup(form: SetupForm) -> Result<(), UiError> {
    use crate::query::Destination;
    use crate::ssr::{redirect, request_context, start_session};

    let context = request_context()?;
    let signed_in = context.answer(context.services.accounts.complete_setup(form.into()).await)?;
    start_session(&context, signed_in.token.expose(), signed_in.expires_in);
    redirect(&Destination::Overview);
    Ok(())
}
