#!/usr/bin/env bash
# Installs what is missing, and says so; what is there already is skipped without a word.
#   site     what a build needs          test     what the tests need besides
#   release  what only a release needs   check    what only the lints need
source "$(dirname "${BASH_SOURCE[0]}")/environment.sh"

apt_updated=no

# apt_install WHY PACKAGE...: Debian's and Ubuntu's packages; elsewhere it says what is wanted.
apt_install() {
    local why="$1"
    shift
    command -v apt-get >/dev/null ||
        fail "$why: install what your distribution calls: $*"
    say "Installing $* ($why; about half a minute)"
    if [ "$apt_updated" = no ]; then
        as_root env DEBIAN_FRONTEND=noninteractive apt-get update -qq || say "apt-get update failed; going on with the lists at hand"
        apt_updated=yes
    fi
    as_root env DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends "$@" >/dev/null ||
        fail "could not install $* by apt-get"
}

need_compiler() {
    command -v cc >/dev/null || apt_install "SQLite and the TLS library are built from C" build-essential
    command -v cargo >/dev/null || fail "cargo is missing. Install Rust with rustup (https://rustup.rs), then run this again."
    # rustup installs the toolchain of rust-toolchain.toml at the first call.
    rustc --version >/dev/null 2>&1 || {
        command -v rustup >/dev/null || fail "rustc does not start, and there is no rustup to install the toolchain of rust-toolchain.toml"
        say "Installing the Rust toolchain of rust-toolchain.toml (about 1 minute)"
        rustup toolchain install || fail "rustup could not install the toolchain of rust-toolchain.toml"
    }
}

need_wasm_target() {
    [ -d "$(rustc --print sysroot)/lib/rustlib/wasm32-unknown-unknown/lib" ] && return
    command -v rustup >/dev/null || fail "The WebAssembly target is missing, and there is no rustup to add it.
Install your distribution's package of Rust's standard library for wasm32-unknown-unknown, of exactly this compiler: $(rustc --version)."
    say "Adding the WebAssembly target to the Rust toolchain (20 MB, under a minute)"
    rustup target add wasm32-unknown-unknown || fail "rustup could not add the target wasm32-unknown-unknown to $(rustc --version).
Is the network there? Try it by hand:  rustup target add wasm32-unknown-unknown"
}

need_node() {
    local major
    if ! command -v node >/dev/null || ! command -v npm >/dev/null; then
        fail "Node.js 20 or newer with npm is missing; your distribution has it, or https://nodejs.org"
    fi
    major="$(node -p 'process.versions.node.split(".")[0]')"
    [ "$major" -ge 20 ] || fail "Node.js 20 or newer is needed; this is $(node --version)"
}

need_wasm_bindgen() {
    local version root
    version="$(wasm_bindgen_version)"
    root="$tools/wasm-bindgen-$version"
    [ -x "$root/bin/wasm-bindgen" ] && return
    say "Installing wasm-bindgen $version, the version of Cargo.lock (once; 2 to 4 minutes)"
    # Outside the repository's profiles and target folder, so that nothing of it is rebuilt or mixed up.
    env -u CARGO_TARGET_DIR cargo install wasm-bindgen-cli --version "$version" --no-default-features --root "$root" --quiet ||
        fail "cargo could not install wasm-bindgen-cli $version"
}

# need_npm FOLDER WHAT: npm ci, once per content of the lock file.
need_npm() {
    local folder="$1" what="$2" stamp wanted
    stamp="$folder/node_modules/.lock-hash"
    wanted="$(sha256sum "$folder/package-lock.json" | cut -d' ' -f1)"
    [ "$(cat "$stamp" 2>/dev/null || true)" = "$wanted" ] && return
    say "Installing $what from npm (under a minute)"
    (cd "$folder" && npm ci --no-audit --no-fund --loglevel=error) || fail "npm ci failed in $folder"
    printf '%s\n' "$wanted" >"$stamp"
}

need_components() {
    cargo fmt --version >/dev/null 2>&1 && cargo clippy --version >/dev/null 2>&1 && return
    say "Adding rustfmt and clippy to the Rust toolchain"
    rustup component add rustfmt clippy || fail "rustup could not add rustfmt and clippy"
}

need_browser() {
    if [ ! -x "$CHROMIUM" ]; then
        [ "$CHROMIUM" = /usr/bin/chromium ] || fail "CHROMIUM=$CHROMIUM is not a program"
        apt_install "the browser of the tests; 300 MB" chromium
        # Ubuntu's package brings a snap, which has its program elsewhere.
        [ -x "$CHROMIUM" ] || [ -x /snap/bin/chromium ] ||
            fail "no chromium after the installation; name your browser: CHROMIUM=/path/to/chrome make test"
    fi
    command -v fc-list >/dev/null || apt_install "to look for fonts" fontconfig
    [ -n "$(fc-list :lang=zh family)" ] || apt_install "Chinese characters in screenshots" fonts-noto-cjk
}

need_python() {
    local stamp=.venv/.requirements-hash wanted
    wanted="$(cat end2end/sdk/requirements.txt <(python3 --version 2>&1) | sha256sum | cut -d' ' -f1)"
    [ "$(cat "$stamp" 2>/dev/null || true)" = "$wanted" ] && [ -x .venv/bin/python ] && return
    command -v python3 >/dev/null || apt_install "the tests of the Python SDK" python3 python3-venv
    python3 -c 'import ensurepip, venv' 2>/dev/null || apt_install "the tests of the Python SDK" python3-venv
    say "Installing the openai package for Python into .venv (under a minute)"
    rm -rf .venv
    python3 -m venv .venv
    .venv/bin/python -m pip install --quiet --disable-pip-version-check -r end2end/sdk/requirements.txt || fail "pip could not install end2end/sdk/requirements.txt"
    cat end2end/sdk/requirements.txt <(python3 --version 2>&1) | sha256sum | cut -d' ' -f1 >"$stamp"
}

for part in "$@"; do
    case "$part" in
        site)
            need_compiler
            need_wasm_target
            need_node
            need_npm . "the style tools"
            need_wasm_bindgen
            ;;
        test)
            need_npm end2end "the test tools"
            need_browser
            need_python
            ;;
        release) need_npm scripts/release "wasm-opt" ;;
        check)
            need_components
            need_npm end2end "the test tools"
            ;;
        *) fail "unknown part \`$part\`" ;;
    esac
done
