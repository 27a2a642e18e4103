#!/usr/bin/env bash
# Everything that can be said about the sources without running them; stops at the first problem.
source "$(dirname "${BASH_SOURCE[0]}")/environment.sh"

say "Checks: 8 to 12 minutes the first time on two cores, under a minute later"
scripts/setup.sh site check
eval "$(node scripts/settings.mjs)"
# The server embeds this folder; for the lints it may be empty.
mkdir -p "$site_root"

say "Formatting"
cargo fmt --all -- --check

say "Scripts, tests in TypeScript, documents and translations"
for script in scripts/*.sh .ci/run; do
    bash -n "$script"
done
if command -v shellcheck >/dev/null; then
    shellcheck --external-sources --source-path=SCRIPTDIR scripts/*.sh .ci/run
fi
while IFS= read -r script; do
    node --check "$script"
done < <(find scripts end2end -name node_modules -prune -o -name '*.mjs' -print)
end2end/node_modules/.bin/tsc --project end2end
node scripts/check-documents.mjs

say "Lints, server side (first time 4 to 6 minutes)"
cargo clippy --workspace --exclude "$lib_package" --all-targets -- -D warnings
# What needs made-up traffic: the benchmark of recording and the figures of reports.
cargo clippy --workspace --exclude "$lib_package" --features sluice/synthetic --all-targets -- -D warnings

say "Lints, browser side (first time 2 to 3 minutes)"
cargo clippy --package "$lib_package" --target wasm32-unknown-unknown --profile "$lib_profile_dev" \
    --target-dir "$target/front" -- -D warnings

say "Documentation of our own crates (about 1 minute)"
RUSTDOCFLAGS="-D warnings" cargo doc --workspace --exclude "$lib_package" --no-deps --document-private-items --quiet

say "All checks passed"
