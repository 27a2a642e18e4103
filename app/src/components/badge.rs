//! A state in one word.

use leptos::prelude::*;
use sluice::model::{KeyState, Outcome, ServerState};

/// How good a state is; never the only sign, the word says it too.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Tone {
    /// As it should be.
    Good,
    /// Off, over, or nobody's fault.
    Neutral,
    /// Worth a look.
    Warning,
    /// Broken.
    Bad,
}

impl Tone {
    const fn classes(self) -> &'static str {
        match self {
            Self::Good => "badge badge-sm badge-soft badge-success whitespace-nowrap font-medium",
            Self::Neutral => {
                "badge badge-sm whitespace-nowrap border-base-300 bg-base-200 font-medium text-base-content"
            }
            Self::Warning => "badge badge-sm badge-soft badge-warning whitespace-nowrap font-medium",
            Self::Bad => "badge badge-sm badge-soft badge-error whitespace-nowrap font-medium",
        }
    }
}

/// How good a server's state is.
pub(crate) const fn server_tone(state: ServerState) -> Tone {
    match state {
        ServerState::Enabled => Tone::Good,
        ServerState::Disabled => Tone::Neutral,
        ServerState::KeyUnreadable => Tone::Bad,
    }
}

/// How good a key's state is.
pub(crate) const fn key_tone(state: KeyState) -> Tone {
    match state {
        KeyState::Active => Tone::Good,
        KeyState::Expired => Tone::Warning,
        KeyState::Revoked => Tone::Neutral,
    }
}

/// How good a request's end is. An answer with an error status is no success, whoever made it.
pub(crate) const fn outcome_tone(outcome: Outcome, status: u16) -> Tone {
    match outcome {
        Outcome::Completed if status < 400 => Tone::Good,
        Outcome::Completed | Outcome::UpstreamError | Outcome::UpstreamCut | Outcome::Interrupted => Tone::Bad,
        Outcome::Rejected | Outcome::QueueTimeout | Outcome::QueueEvicted => Tone::Warning,
        Outcome::ClientClosed => Tone::Neutral,
    }
}

/// A state in one word.
#[component]
pub(crate) fn Badge(
    /// How good it is.
    tone: Tone,
    /// The word.
    #[prop(into)]
    text: String,
) -> impl IntoView {
    view! { <span class=tone.classes()>{text}</span> }
}
