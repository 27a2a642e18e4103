#!/usr/bin/env bash
# Sourced by every other script: where things are, and how progress is told. Needs bash.
set -euo pipefail

cd "$(dirname "${BASH_SOURCE[0]}")/.."
repository="$PWD"

# Relative to the repository as cargo itself reads it; exported, so that every part means the same folder.
export CARGO_TARGET_DIR="${CARGO_TARGET_DIR:-$repository/target}"
case "$CARGO_TARGET_DIR" in
    /*) ;;
    *) CARGO_TARGET_DIR="$repository/$CARGO_TARGET_DIR" ;;
esac
target="$CARGO_TARGET_DIR"

tools="${XDG_CACHE_HOME:-$HOME/.cache}/sluice/tools"

# Browsers come from the distribution; the packages' own downloads are never wanted.
export PLAYWRIGHT_SKIP_BROWSER_DOWNLOAD=1
if [ -z "${CHROMIUM:-}" ]; then
    CHROMIUM="$(command -v chromium || command -v chromium-browser || command -v google-chrome || command -v /snap/bin/chromium || echo /usr/bin/chromium)"
fi
export CHROMIUM

# One line per step, with the time since the script began, so that a long build is not mistaken for a hanging one.
say() {
    printf '==> [%d:%02d] %s\n' $((SECONDS / 60)) $((SECONDS % 60)) "$*"
}

fail() {
    printf '\nerror: %s\n' "$*" >&2
    exit 1
}

# as_root COMMAND...: runs it as root, by sudo where needed.
as_root() {
    if [ "$(id -u)" = 0 ]; then
        "$@"
    elif command -v sudo >/dev/null; then
        sudo "$@"
    else
        fail "root or sudo is needed for: $*"
    fi
}

# wasm_bindgen_version: the version that Cargo.lock has; the command line tool must be exactly this one.
wasm_bindgen_version() {
    awk '/^name = "wasm-bindgen"$/ { getline; gsub(/[" ]/, "", $0); sub(/^version=/, "", $0); print; exit }' Cargo.lock
}
