//! The WebAssembly entry point of the dashboard: [`hydrate`] and nothing else.

// The layout of the whole dashboard's type is computed here.
#![recursion_limit = "512"]

/// Takes over the page that the server rendered.
#[wasm_bindgen::prelude::wasm_bindgen]
pub fn hydrate() {
    console_error_panic_hook::set_once();
    leptos::mount::hydrate_body(sluice_app::App);
}
