//! Times.

use leptos::prelude::*;

use crate::browser;
use crate::format::{utc_attribute, utc_text};

/// A time: rendered in UTC, and in the person's own zone once the page answers to events.
#[component]
pub(crate) fn UtcTime(
    /// Milliseconds since 1970 UTC.
    milliseconds: i64,
) -> impl IntoView {
    let utc = format!("{} UTC", utc_text(milliseconds));
    let local = RwSignal::new(None::<String>);
    Effect::new(move || local.set(Some(browser::local_time_text(milliseconds))));
    let shown = {
        let utc = utc.clone();
        move || local.get().unwrap_or_else(|| utc.clone())
    };
    view! {
        <time datetime=utc_attribute(milliseconds) title=utc class="whitespace-nowrap tabular-nums">
            {shown}
        </time>
    }
    .into_any()
}
