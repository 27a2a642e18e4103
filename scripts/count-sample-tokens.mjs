// Counts the tokens of the samples that the token estimate is measured with, and writes them to counts.json.
//
// Usage, after a sample was added or changed (the tokenizer is not among the project's dependencies):
//   folder=$(mktemp -d)
//   npm install --no-save --prefix "$folder" gpt-tokenizer@4
//   node scripts/count-sample-tokens.mjs "$folder"
import { readFileSync, readdirSync, writeFileSync } from "node:fs";
import { createRequire } from "node:module";
import path from "node:path";

import { repository } from "./settings.mjs";

const [toolFolder] = process.argv.slice(2);
if (!toolFolder) {
  console.error("usage: node scripts/count-sample-tokens.mjs <folder with node_modules/gpt-tokenizer>");
  process.exit(2);
}
const require = createRequire(path.join(path.resolve(toolFolder), "package.json"));
const { encode } = require("gpt-tokenizer/encoding/o200k_base");

const folder = path.join(repository, "src/provider/token_estimate/samples");
const counts = {};
for (const name of readdirSync(folder).sort()) {
  if (name === "counts.json") continue;
  const text = readFileSync(path.join(folder, name), "utf8");
  // Texts such as `<|endoftext|>` are text here, as they are for an upstream.
  counts[name] = encode(text, { disallowedSpecial: new Set() }).length;
}
writeFileSync(path.join(folder, "counts.json"), `${JSON.stringify(counts, null, 2)}\n`);
