//! Data on its way: waiting, arrived, refused, or wanted by somebody who has to sign in first.

use leptos::prelude::*;
use leptos_router::NavigateOptions;
use leptos_router::hooks::{use_location, use_navigate};
use sluice::model::{Refusal, Resource as Kind};

use crate::UiError;
use crate::components::{ErrorNote, Loading};
use crate::query::Destination;

/// Shows data once it is there, keeps it on the page while it is fetched again, and says what went wrong otherwise.
pub(crate) fn loaded<T, V>(
    data: Resource<Result<T, UiError>>,
    show: impl Fn(T) -> V + Clone + Send + Sync + 'static,
) -> impl IntoView
where
    T: Clone + Send + Sync + 'static,
    V: IntoView + 'static,
{
    view! {
        <Transition fallback=Loading>
            {move || {
                let show = show.clone();
                Suspend::new(async move {
                    match data.await {
                        Ok(data) => show(data).into_any(),
                        Err(error) => view! { <Failure error /> }.into_any(),
                    }
                })
            }}
        </Transition>
    }
}

/// What is shown instead of data that did not come: the page for signing in, or why.
#[component]
pub(crate) fn Failure(
    /// Why it did not come.
    error: UiError,
) -> impl IntoView {
    match &error {
        UiError::Refused { refusal: Refusal::SignInRequired } => {
            let came_for = Destination::after_sign_in(&use_location().pathname.get_untracked());
            // On the server the guard has sent the visitor away already.
            navigate_to(came_for.sign_in_path());
            ().into_any()
        }
        UiError::Refused { refusal: Refusal::NotFound { resource } } => {
            note_missing(*resource);
            view! { <ErrorNote error=error.clone() /> }.into_any()
        }
        UiError::Refused { .. } | UiError::Unreachable | UiError::OutOfDate => {
            view! { <ErrorNote error=error.clone() /> }.into_any()
        }
    }
}

/// A page about something that does not exist is answered with 404.
#[cfg_attr(not(feature = "ssr"), expect(clippy::missing_const_for_fn, reason = "does nothing in the browser"))]
fn note_missing(_resource: Kind) {
    #[cfg(feature = "ssr")]
    crate::ssr::set_not_found();
}

/// Sends the visitor to another page of the dashboard: the server with a redirect, the browser by navigating.
#[component]
pub(crate) fn SendTo(
    /// A path that this crate made itself.
    path: String,
) -> impl IntoView {
    #[cfg(feature = "ssr")]
    crate::ssr::redirect_to(&path);
    navigate_to(path);
}

/// Goes to another page in the browser, in the place of this one.
fn navigate_to(path: String) {
    let navigate = use_navigate();
    Effect::new(move || navigate(&path, NavigateOptions { replace: true, ..NavigateOptions::default() }));
}
