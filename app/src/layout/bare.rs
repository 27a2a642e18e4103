//! The frame of pages for strangers: a card in the middle, and the switches for language and theme.

use leptos::prelude::*;

use super::preferences::PreferenceSwitches;
use crate::components::Logo;
use crate::preferences::use_locale;
use crate::translations::td_string;

/// A card in the middle of the page.
#[component]
pub(crate) fn BareFrame(
    /// What is on the card; has the page's `h1`.
    children: Children,
) -> impl IntoView {
    let locale = use_locale();
    view! {
        <div class="flex min-h-dvh flex-col items-center justify-center gap-6 px-4 py-10">
            <header class="flex items-center gap-3">
                <Logo />
                <p>
                    <span class="text-xl font-semibold tracking-tight">"Sluice"</span>
                    <span class="quiet ml-2">{td_string!(locale, product.tagline)}</span>
                </p>
            </header>
            <main id="main" class="panel w-full max-w-md p-6 shadow-sm sm:p-8">
                {children()}
            </main>
            <footer class="w-full max-w-md">
                <PreferenceSwitches />
            </footer>
        </div>
    }
    .into_any()
}
