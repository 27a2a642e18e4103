//! The head of a page: its one `h1`, a line about it, and what can be done.

use leptos::prelude::*;
use leptos_meta::Title;

/// The head of a page; also sets the title of the window.
#[component]
pub(crate) fn PageHeader(
    /// The heading.
    #[prop(into)]
    title: String,
    /// A line about the page.
    #[prop(into, optional)]
    subtitle: String,
    /// Links and buttons at the end of the line.
    #[prop(optional)]
    children: Option<Children>,
) -> impl IntoView {
    view! {
        <Title text=title.clone() />
        <div class="mb-6 flex flex-wrap items-end justify-between gap-x-6 gap-y-3">
            <div class="min-w-0">
                <h1 class="text-2xl font-semibold tracking-tight [overflow-wrap:anywhere]">{title}</h1>
                {(!subtitle.is_empty()).then(|| view! { <p class="quiet mt-1">{subtitle}</p> })}
            </div>
            {children.map(|children| view! { <div class="flex flex-wrap items-center gap-2">{children()}</div> })}
        </div>
    }
    .into_any()
}
