// Brings what was built into the site folder that the server embeds, with a .br and a .gz beside every file that becomes
// smaller by it. A file whose content is the same is not touched, because the server is rebuilt when one changes; files
// that no longer belong there go.
//   node scripts/publish-site.mjs dev|release STAGING ASSETS SITE

import { createHash } from "node:crypto";
import fs from "node:fs";
import path from "node:path";
import zlib from "node:zlib";

const [kind, staging, assets, site] = process.argv.slice(2);
if (!["dev", "release"].includes(kind) || !site) throw new Error("usage: publish-site.mjs dev|release STAGING ASSETS SITE");

// Quality 11 takes half a minute on an unoptimised WebAssembly file; 5 a tenth of a second.
const quality = kind === "release" ? 11 : 5;

/** Every file under a folder, as paths relative to it. */
function filesUnder(folder) {
  if (!fs.existsSync(folder)) return [];
  return fs
    .readdirSync(folder, { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile())
    .map((entry) => path.relative(folder, path.join(entry.parentPath ?? entry.path, entry.name)))
    .filter((name) => !path.basename(name).startsWith("."));
}

function writeIfChanged(file, content) {
  if (fs.existsSync(file) && fs.readFileSync(file).equals(content)) return false;
  fs.mkdirSync(path.dirname(file), { recursive: true });
  fs.writeFileSync(file, content);
  return true;
}

// What was compressed last time, so that an unchanged file costs a hash and not a compression.
const memoryFile = path.join(path.dirname(staging), "published.json");
let memory = {};
try {
  memory = JSON.parse(fs.readFileSync(memoryFile, "utf8"));
} catch {
  // The first time, or unreadable: everything is compressed anew.
}

const sources = new Map();
for (const folder of [assets, staging]) {
  for (const name of filesUnder(folder)) sources.set(name, path.join(folder, name));
}

const remembered = {};
const wanted = new Set();
let changed = 0;
for (const [name, source] of sources) {
  const content = fs.readFileSync(source);
  const compressed = [
    [".br", () => zlib.brotliCompressSync(content, { params: { [zlib.constants.BROTLI_PARAM_QUALITY]: quality } })],
    [".gz", () => zlib.gzipSync(content, { level: kind === "release" ? 9 : 6 })],
  ];
  const destination = path.join(site, name);
  const fingerprint = `${quality} ${createHash("sha256").update(content).digest("hex")}`;
  wanted.add(name);
  if (writeIfChanged(destination, content)) changed += 1;

  const before = memory[name];
  if (before?.fingerprint === fingerprint && before.suffixes.every((suffix) => fs.existsSync(destination + suffix))) {
    before.suffixes.forEach((suffix) => wanted.add(name + suffix));
    remembered[name] = before;
    continue;
  }
  const suffixes = [];
  for (const [suffix, compress] of compressed) {
    const small = compress();
    if (small.length >= content.length) continue;
    if (writeIfChanged(destination + suffix, small)) changed += 1;
    wanted.add(name + suffix);
    suffixes.push(suffix);
  }
  remembered[name] = { fingerprint, suffixes };
}

for (const name of filesUnder(site)) {
  if (!wanted.has(name)) {
    fs.rmSync(path.join(site, name));
    changed += 1;
  }
}
fs.writeFileSync(memoryFile, JSON.stringify(remembered, null, 2));

const total = (suffix) =>
  [...sources.keys()].reduce((sum, name) => {
    const file = path.join(site, name);
    return sum + fs.statSync(fs.existsSync(file + suffix) ? file + suffix : file).size;
  }, 0);
const kilobytes = (bytes) => `${Math.round(bytes / 1000)} kB`;
console.log(
  `    ${site}: ${sources.size} files, ${kilobytes(total(""))}, ${kilobytes(total(".br"))} over the wire; ${changed} written`,
);
