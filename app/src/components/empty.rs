//! A list with nothing in it yet, and what to do about that.

use leptos::prelude::*;

use super::{Glyph, Icon};

/// A list with nothing in it yet.
#[component]
pub(crate) fn Empty(
    /// What would be listed.
    glyph: Glyph,
    /// What is missing.
    #[prop(into)]
    title: String,
    /// What to do about it.
    #[prop(into)]
    text: String,
    /// The link that does it, or more to read.
    #[prop(optional)]
    children: Option<Children>,
) -> impl IntoView {
    view! {
        <div class="panel flex flex-col items-center px-6 py-12 text-center">
            <span class="mb-4 rounded-full bg-primary/10 p-3 text-2xl text-primary">
                <Icon glyph />
            </span>
            <h2 class="text-lg font-semibold">{title}</h2>
            <p class="quiet mt-1 max-w-prose">{text}</p>
            {children.map(|children| view! { <div class="mt-5 w-full max-w-2xl">{children()}</div> })}
        </div>
    }
    .into_any()
}
