#!/usr/bin/env bash
# Sets up, builds and starts the gateway: `serve`, or `demo` with a built-in fake upstream.
source "$(dirname "${BASH_SOURCE[0]}")/environment.sh"

command="${1:-serve}"
shift || true

say "Set-up, build and start: up to 20 minutes the first time on two cores, seconds later"
scripts/setup.sh site
scripts/site.sh dev
say "Gateway (first time 5 to 8 minutes, then seconds)"
cargo build --package sluice-server

listen="${SLUICE_LISTEN:-127.0.0.1:8080}"
if [ "$command" = demo ]; then
    # The demo never reads a real installation's settings, so it is told here; and SLUICE_DATA_DIR may be the folder of
    # a real one.
    folder="${DEMO_DATA_DIR:-./demo-data}"
    set -- --listen "$listen" --data-dir "$folder" "$@"
else
    folder="${SLUICE_DATA_DIR:-./data}"
    export SLUICE_LISTEN="$listen" SLUICE_DATA_DIR="$folder" SLUICE_LOG__FORMAT="${SLUICE_LOG__FORMAT:-pretty}"
fi
say "Starting on http://$listen with data in $folder; stop it with Ctrl-C"
exec "$target/debug/sluice" "$command" "$@"
