//! Code to copy.

use std::time::Duration;

use leptos::prelude::*;

use super::{Glyph, Icon};
use crate::browser;
use crate::preferences::use_locale;
use crate::snippet::ExampleCall;
use crate::translations::td_string;

/// How long the button says that it has copied.
const CONFIRMATION: Duration = Duration::from_secs(3);

/// Copies a text, and says so.
#[component]
pub(crate) fn CopyButton(
    /// What is copied.
    text: String,
    /// What the button says.
    #[prop(into)]
    label: String,
    /// Id of the element that shows the text; selected where the clipboard is closed.
    #[prop(into)]
    target: String,
) -> impl IntoView {
    let locale = use_locale();
    let copied = RwSignal::new(None::<bool>);
    let on_click = move |_| {
        copied.set(Some(browser::copy(&text, &target)));
        set_timeout(move || _ = copied.try_set(None), CONFIRMATION);
    };
    let said = move || match copied.get() {
        Some(true) => td_string!(locale, common.copied).to_owned(),
        Some(false) => td_string!(locale, common.copy_by_hand).to_owned(),
        None => label.clone(),
    };
    view! {
        <button type="button" class="btn btn-sm" on:click=on_click>
            <Icon glyph=Glyph::Copy />
            <span aria-live="polite">{said}</span>
        </button>
    }
    .into_any()
}

/// A block of code with a heading and a button that copies it.
#[component]
pub(crate) fn CodeBlock(
    /// Id of the block, one of its kind on the page.
    id: &'static str,
    /// What it is.
    #[prop(into)]
    label: String,
    /// The code.
    code: String,
) -> impl IntoView {
    let locale = use_locale();
    let shown = code.clone();
    view! {
        <figure class="overflow-hidden rounded-box border border-base-300 bg-base-200 text-left">
            <figcaption class="flex items-center justify-between gap-3 border-b border-base-300 py-1.5 pr-1.5 pl-4">
                <span class="text-sm font-medium">{label.clone()}</span>
                <CopyButton text=code label=td_string!(locale, common.copy) target=id />
            </figcaption>
            <pre
                class="overflow-x-auto px-4 py-3 text-[0.8125rem] leading-relaxed"
                tabindex="0"
                role="region"
                aria-label=label
            >
                <code id=id>{shown}</code>
            </pre>
        </figure>
    }
    .into_any()
}

/// The same call with `curl` and with Python.
#[component]
pub(crate) fn ReadyCalls(
    /// The call.
    call: ExampleCall,
) -> impl IntoView {
    let locale = use_locale();
    view! {
        <div class="grid gap-4">
            <CodeBlock id="call-curl" label=td_string!(locale, call.curl) code=call.curl() />
            <CodeBlock id="call-python" label=td_string!(locale, call.python) code=call.python() />
        </div>
    }
    .into_any()
}
