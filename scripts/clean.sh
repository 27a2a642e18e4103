#!/usr/bin/env bash
# Removes what was built and installed inside the repository. Data and the tools in the user's cache folder stay.
source "$(dirname "${BASH_SOURCE[0]}")/environment.sh"

say "Removing build results, packages and test artefacts"
rm -rf target node_modules end2end/node_modules scripts/release/node_modules .venv end2end/artifacts end2end/test-results
if [ "$target" != "$repository/target" ]; then
    say "CARGO_TARGET_DIR=$target is outside the repository and stays"
fi
