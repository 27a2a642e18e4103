//! Signing in and out, and who is signed in.

use leptos::server;
use leptos::server_fn::codec::GetUrl;
use serde::{Deserialize, Serialize};

use crate::UiError;
use crate::forms::SignInForm;

/// What decides which page a visitor gets to see.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "visitor", rename_all = "snake_case")]
pub enum Visitor {
    /// No administrator exists yet.
    BeforeSetup,
    /// Nobody is signed in.
    Anonymous,
    /// An administrator is signed in.
    SignedIn {
        /// The administrator's name.
        username: String,
    },
}

/// Who is asking; answers strangers too.
#[server(prefix = "/api/ui", endpoint = "session/visitor", input = GetUrl)]
pub async fn current_visitor() -> Result<Visitor, UiError> {
    use sluice::services::Actor;

    let context = crate::ssr::request_context()?;
    if let Actor::User { username, .. } = context.actor {
        return Ok(Visitor::SignedIn { username });
    }
    let before_setup = context.answer(context.services.accounts.setup_needed().await)?;
    Ok(if before_setup { Visitor::BeforeSetup } else { Visitor::Anonymous })
}

/// Signs in and goes to the page that was asked for.
#[server(prefix = "/api/ui", endpoint = "session/sign_in")]
pub async fn sign_in(form: SignInForm) -> Result<(), UiError> {
    use crate::query::Destination;
    use crate::ssr::{redirect, request_context, start_session};

    let context = request_context()?;
    let sessions = &context.services.sessions;
    let signed_in = context.answer(sessions.sign_in(&form.username, &form.password, context.client_address).await)?;
    start_session(&context, signed_in.token.expose(), signed_in.expires_in);
    redirect(&Destination::after_sign_in(&form.next));
    Ok(())
}

/// Ends the session.
#[server(prefix = "/api/ui", endpoint = "session/sign_out")]
pub async fn sign_out() -> Result<(), UiError> {
    use crate::query::Destination;
    use crate::ssr::{end_session, redirect, request_context, session_token};

    let context = request_context()?;
    if let Some(token) = session_token() {
        context.answer(context.services.sessions.sign_out(&token).await)?;
    }
    end_session(&context);
    redirect(&Destination::SignIn);
    Ok(())
}
