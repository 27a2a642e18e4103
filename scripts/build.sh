#!/usr/bin/env bash
# Builds the release: one file that holds the gateway, the dashboard and its assets.
source "$(dirname "${BASH_SOURCE[0]}")/environment.sh"

say "Release build: 15 to 25 minutes the first time on two cores"
scripts/setup.sh site release
scripts/site.sh release
say "Gateway, optimised (10 to 15 minutes the first time)"
cargo build --package sluice-server --release

file="$target/release/sluice"
say "Done: $file ($(($(stat -c %s "$file") / 1000000)) MB). Copy this one file to any machine and start it with \`sluice serve\`."
