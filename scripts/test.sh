#!/usr/bin/env bash
# Runs every test there is and ends with one line that adds them up: `N passed, M failed`.
# Everything runs even if something failed before, so that one run tells all.
source "$(dirname "${BASH_SOURCE[0]}")/environment.sh"

say "All tests: 15 to 25 minutes the first time on two cores, about 3 minutes later"
scripts/setup.sh site test
scripts/site.sh dev

results="$target/test-results"
rm -rf "$results"
mkdir -p "$results"

# run NAME COMMAND...: runs it, keeps its output, and remembers how it ended.
run() {
    local name="$1" status=0
    shift
    "$@" 2>&1 | tee "$results/$name.log" || status=$?
    printf '%s\n' "$status" >"$results/$name.status"
    [ "$status" = 0 ] || say "$name FAILED with status $status"
    return 0
}

say "Building the gateway, the fake upstream and the tests (first time 8 to 12 minutes, then seconds to a minute)"
# --all-targets, so that the binaries that the later parts drive come out of the same compilation as the tests.
run build cargo build --workspace --exclude sluice-frontend --all-targets

if [ "$(cat "$results/build.status")" = 0 ]; then
    say "Rust tests (about 2 minutes)"
    run rust cargo test --workspace --exclude sluice-frontend --no-fail-fast
    node scripts/count-tests.mjs "$results" rust || true

    say "Official openai package for Python (under a minute)"
    run python node end2end/harness/with-gateway.mjs -- \
        .venv/bin/python -m pytest end2end/sdk -p no:cacheprovider --quiet --junitxml="$results/python.xml"
    node scripts/count-tests.mjs "$results" python || true

    say "Official openai package for Node (under a minute)"
    run node node end2end/harness/with-gateway.mjs -- \
        node --test --test-reporter=spec --test-reporter-destination=stdout \
        --test-reporter=tap --test-reporter-destination="$results/node.tap" end2end/sdk/*.test.mjs
    node scripts/count-tests.mjs "$results" node || true

    say "Dashboard in Chromium (about 2 minutes); pictures go to end2end/artifacts"
    run browser env PLAYWRIGHT_JSON_OUTPUT_NAME="$results/browser.json" \
        end2end/node_modules/.bin/playwright test --config end2end/playwright.config.ts
    node scripts/count-tests.mjs "$results" browser || true

    say "All tests together"
    node scripts/count-tests.mjs "$results" rust python node browser
else
    node scripts/count-tests.mjs "$results" build
fi
