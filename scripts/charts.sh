#!/usr/bin/env bash
# Bundles what draws the dashboard's charts into one file.
#   scripts/charts.sh OUTPUT
source "$(dirname "${BASH_SOURCE[0]}")/environment.sh"

output="${1:?the file to write}"
echarts_version="$(node -p 'JSON.parse(fs.readFileSync("node_modules/echarts/package.json", "utf8")).version')"
node_modules/.bin/esbuild frontend/charts.js --bundle --minify --format=esm --target=es2022 --charset=utf8 --log-level=warning \
    --banner:js="/*! With Apache ECharts $echarts_version, Apache License 2.0, https://echarts.apache.org */" --outfile="$output"
