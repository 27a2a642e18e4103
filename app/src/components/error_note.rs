//! What is shown instead of data: while it loads, and when it does not come.

use leptos::prelude::*;

use super::{Glyph, Icon};
use crate::UiError;
use crate::preferences::use_locale;
use crate::text;
use crate::translations::td_string;

/// Why something did not work, in plain words.
#[component]
pub(crate) fn ErrorNote(
    /// What went wrong.
    error: UiError,
) -> impl IntoView {
    let locale = use_locale();
    view! {
        <div role="alert" class="mb-4 flex items-start gap-3 rounded-box border border-error/40 bg-error/8 px-4 py-3">
            <span class="mt-0.5 text-error">
                <Icon glyph=Glyph::Warning />
            </span>
            <p>{text::error(locale, &error)}</p>
        </div>
    }
    .into_any()
}

/// What is shown while data loads.
#[component]
pub(crate) fn Loading() -> impl IntoView {
    view! {
        <p role="status" class="quiet flex items-center gap-2 py-8">
            <span class="loading loading-spinner loading-sm" aria-hidden="true"></span>
            {td_string!(use_locale(), common.loading)}
        </p>
    }
    .into_any()
}
