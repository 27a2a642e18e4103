#!/usr/bin/env bash
# Takes the pictures of docs/images from the tests of the dashboard in the browser.
source "$(dirname "${BASH_SOURCE[0]}")/environment.sh"

scripts/setup.sh site test
scripts/site.sh dev
say "Building the gateway and the fake upstream"
cargo build --workspace --exclude sluice-frontend --all-targets

say "Visiting the dashboard (about 5 minutes)"
export PLAYWRIGHT_JSON_OUTPUT_NAME="$target/test-results/screenshots.json"
end2end/node_modules/.bin/playwright test --config end2end/playwright.config.ts --project en-light --project zh-dark queue usage

mkdir -p docs/images
cp end2end/artifacts/en-light-server-queue.png docs/images/queue-light.png
cp end2end/artifacts/zh-dark-server-queue.png docs/images/queue-dark.zh-CN.png
cp end2end/artifacts/en-light-overview-demo.png docs/images/overview-light.png
cp end2end/artifacts/zh-dark-overview-demo.png docs/images/overview-dark.zh-CN.png
cp end2end/artifacts/en-light-usage-models.png docs/images/usage-light.png
cp end2end/artifacts/zh-dark-usage-models.png docs/images/usage-dark.zh-CN.png
say "Done: docs/images"
