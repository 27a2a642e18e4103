#!/usr/bin/env bash
# Builds the dashboard's browser side into target/site, which the server build embeds: WebAssembly, its JavaScript, the
# style sheet, the charts and the static files. The settings are those of [[workspace.metadata.leptos]] in Cargo.toml.
#   scripts/site.sh dev|release
source "$(dirname "${BASH_SOURCE[0]}")/environment.sh"

kind="${1:?dev or release}"
settings="$(node scripts/settings.mjs)"
eval "$settings"
case "$kind" in
    dev) profile="$lib_profile_dev" times="first time 3 to 5 minutes, then seconds" ;;
    release) profile="$lib_profile_release" times="3 to 6 minutes" ;;
    *) fail "dev or release, not \`$kind\`" ;;
esac
profile_folder="$profile"
[ "$profile" = dev ] && profile_folder=debug

staging="$target/front/site-$kind"
package="$staging/$site_pkg_dir"
mkdir -p "$package"

say "Dashboard 1/5: WebAssembly, profile $profile ($times)"
cargo build --package "$lib_package" --target wasm32-unknown-unknown --profile "$profile" --target-dir "$target/front"
wasm="$target/front/wasm32-unknown-unknown/$profile_folder/${lib_package//-/_}.wasm"

# The same WebAssembly gives the same output: both steps are skipped then.
bindgen="$tools/wasm-bindgen-$(wasm_bindgen_version)/bin/wasm-bindgen"
wanted="$bindgen $(sha256sum "$wasm" "${BASH_SOURCE[0]}" | cut -d' ' -f1 | tr '\n' ' ')"
if [ "$(cat "$staging.stamp" 2>/dev/null || true)" = "$wanted" ]; then
    say "Dashboard 2/5: JavaScript bindings are up to date"
else
    say "Dashboard 2/5: JavaScript bindings (under 10 seconds)"
    rm -rf "$package" "$staging.stamp"
    mkdir -p "$package"
    "$bindgen" --target web --no-typescript --out-dir "$package" --out-name "$output_name" "$wasm"
    if [ "$kind" = release ]; then
        say "Dashboard 2/5: shrinking the WebAssembly (about 1 minute)"
        optimised="$staging.wasm"
        # Only what rustc itself may emit: with every feature on, wasm-opt writes what no browser reads by default.
        scripts/release/node_modules/.bin/wasm-opt -Oz --enable-bulk-memory --enable-multivalue --enable-mutable-globals \
            --enable-nontrapping-float-to-int --enable-reference-types --enable-sign-ext "$package/${output_name}_bg.wasm" -o "$optimised"
        mv "$optimised" "$package/${output_name}_bg.wasm"
        node -e 'WebAssembly.compile(fs.readFileSync(process.argv[1]))' "$package/${output_name}_bg.wasm"
    fi
    printf '%s\n' "$wanted" >"$staging.stamp"
fi

say "Dashboard 3/5: style sheet (a few seconds)"
node_modules/.bin/tailwindcss --input "$tailwind_input_file" --output "$package/$output_name.css" --minify 2>"$staging.tailwind.log" || {
    cat "$staging.tailwind.log" >&2
    fail "Tailwind could not build $tailwind_input_file"
}

# Apart from the rest: only pages with charts load it.
say "Dashboard 4/5: charts (a second)"
scripts/charts.sh "$package/charts.js"

say "Dashboard 5/5: static files and compression"
node scripts/publish-site.mjs "$kind" "$staging" "$assets_dir" "$site_root"
