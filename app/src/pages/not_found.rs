//! An address with nothing behind it.

use leptos::prelude::*;
use leptos_meta::Title;

use crate::layout::BareFrame;
use crate::preferences::use_locale;
use crate::translations::td_string;

/// An address with nothing behind it.
#[component]
pub(crate) fn NotFoundPage() -> impl IntoView {
    let locale = use_locale();
    #[cfg(feature = "ssr")]
    crate::ssr::set_not_found();
    view! {
        <Title text=td_string!(locale, not_found.title) />
        <BareFrame>
            <h1 class="text-2xl font-semibold tracking-tight">{td_string!(locale, not_found.title)}</h1>
            <p class="quiet mt-2 mb-6">{td_string!(locale, not_found.text)}</p>
            <a href="/" class="btn btn-primary">
                {td_string!(locale, not_found.home)}
            </a>
        </BareFrame>
    }
}
