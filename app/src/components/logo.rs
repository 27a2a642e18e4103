//! The mark: a sluice gate, half raised, and the water below it.

use leptos::prelude::*;

/// The mark alone; whoever shows it says the name.
#[component]
pub(crate) fn Logo() -> impl IntoView {
    view! {
        <svg viewBox="0 0 32 32" class="size-8 shrink-0" aria-hidden="true">
            <rect width="32" height="32" rx="8" class="fill-[#0b6580]" />
            <g
                class="fill-none stroke-white"
                stroke-width="2.4"
                stroke-linecap="round"
                stroke-linejoin="round"
            >
                <path d="M8 25V7M24 25V7M8 8h16" />
                <path d="M16 8v3" />
                <path class="fill-white" d="M12 11.5h8v5h-8z" />
                <path
                    class="stroke-[#7fe0f2]"
                    d="M5 24.5c1.8 0 1.8-1.7 3.7-1.7s1.8 1.7 3.6 1.7 1.9-1.7 3.7-1.7 1.8 1.7 3.7 1.7 1.8-1.7 3.6-1.7 1.9 1.7 3.7 1.7"
                />
            </g>
        </svg>
    }
    .into_any()
}
