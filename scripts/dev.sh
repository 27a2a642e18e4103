#!/usr/bin/env bash
# Rebuilds and reloads the browser on every change, by cargo-leptos.
source "$(dirname "${BASH_SOURCE[0]}")/environment.sh"

cargo_leptos_version=0.3.9
root="$tools/cargo-leptos-$cargo_leptos_version"

scripts/setup.sh site
if [ ! -x "$root/bin/cargo-leptos" ]; then
    say "Installing cargo-leptos $cargo_leptos_version (once; 15 to 30 minutes on two cores: it carries a JavaScript compiler)"
    # The lighter profile takes nothing away that a watcher would miss.
    env -u CARGO_TARGET_DIR \
        CARGO_PROFILE_RELEASE_LTO=off CARGO_PROFILE_RELEASE_OPT_LEVEL=1 CARGO_PROFILE_RELEASE_CODEGEN_UNITS=16 \
        cargo install cargo-leptos --version "$cargo_leptos_version" --locked --features no_downloads --root "$root" ||
        fail "cargo could not install cargo-leptos $cargo_leptos_version; \`make run\` works without it"
fi

# cargo-leptos takes its tools from PATH.
wasm_bindgen="$tools/wasm-bindgen-$(wasm_bindgen_version)"
export PATH="$root/bin:$wasm_bindgen/bin:$repository/node_modules/.bin:$PATH"
export SLUICE_LISTEN="${SLUICE_LISTEN:-127.0.0.1:8080}"
export SLUICE_DATA_DIR="${SLUICE_DATA_DIR:-./data}"
# cargo-leptos knows nothing of this file; it is made once, and again by the next start.
scripts/charts.sh "$target/site/pkg/charts.js"
say "Watching; the dashboard is on http://$SLUICE_LISTEN"
exec cargo leptos watch --hot-reload
