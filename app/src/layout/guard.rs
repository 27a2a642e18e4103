//! Who sees what: strangers are sent to sign in, and before set-up to the page that explains it.
//!
//! This only steers; what may be read and done is decided by the services. The page itself stands outside of the
//! `Suspense` that waits for the visitor: what is inside of one is made more than once on the server, and each time its
//! resources would get other ids than in the browser.

use leptos::prelude::*;
use leptos_router::hooks::use_location;

use super::SendTo;
use super::frame::Frame;
use crate::components::ErrorNote;
use crate::query::Destination;
use crate::server_fns::session::{Visitor, current_visitor};

/// Everything that needs an administrator.
#[component]
pub(crate) fn SignedInArea() -> impl IntoView {
    let visitor = Resource::new(|| (), |()| current_visitor());
    let path = use_location().pathname;
    view! {
        <Suspense>
            {move || Suspend::new(async move {
                match visitor.await {
                    Ok(Visitor::SignedIn { .. }) => ().into_any(),
                    Ok(Visitor::Anonymous) => {
                        let came_for = Destination::after_sign_in(&path.get_untracked());
                        view! { <SendTo path=came_for.sign_in_path() /> }.into_any()
                    }
                    Ok(Visitor::BeforeSetup) => view! { <SendTo path="/setup".to_owned() /> }.into_any(),
                    Err(error) => view! { <ErrorNote error /> }.into_any(),
                }
            })}
        </Suspense>
        <Frame visitor />
    }
}
