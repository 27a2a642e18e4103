// Checks what no compiler reads: links between documents, the twin of the README, the keys of the translations.

import { execFileSync } from "node:child_process";
import fs from "node:fs";
import path from "node:path";
import { repository } from "./settings.mjs";

const problems = [];

// Tracked and new files alike, without what .gitignore names.
const files = execFileSync("git", ["ls-files", "--cached", "--others", "--exclude-standard"], { cwd: repository, encoding: "utf8" })
  .split("\n")
  .filter((name) => name && fs.existsSync(path.join(repository, name)));
const read = (name) => fs.readFileSync(path.join(repository, name), "utf8");
const withoutCode = (text) => text.replaceAll(/^```.*?^```$/gms, "").replaceAll(/`[^`\n]*`/g, "");

// The anchor that a heading gets where Markdown is shown.
const anchor = (heading) =>
  heading.trim().toLowerCase().replaceAll(/[^\p{L}\p{N}\s_-]/gu, "").replaceAll(/\s/g, "-");
const headings = (text) => [...text.replaceAll(/^```.*?^```$/gms, "").matchAll(/^(#+) (.+)$/gm)];

for (const name of files.filter((file) => file.endsWith(".md"))) {
  for (const [, target] of withoutCode(read(name)).matchAll(/\]\(([^)\s]+)\)/g)) {
    if (/^[a-z]+:/.test(target)) continue;
    const [file, fragment] = target.split("#");
    const linked = file ? path.join(path.dirname(name), file) : name;
    if (!fs.existsSync(path.join(repository, linked))) {
      problems.push(`${name}: link to ${target}, which does not exist`);
    } else if (fragment && linked.endsWith(".md")) {
      const anchors = headings(read(linked)).map(([, , heading]) => anchor(heading.replaceAll("`", "")));
      if (!anchors.includes(decodeURIComponent(fragment))) problems.push(`${name}: ${linked} has no heading for #${fragment}`);
    }
  }
}

// The Chinese README says the same: the same levels of headings and the same commands. Comments may be translated.
const commands = (text) =>
  [...text.matchAll(/^```.*?^```$/gms)].map(([block]) => block.replaceAll(/\s*# .*$/gm, "").replaceAll(/("?content"?): ?"[^"]*"/g, "$1"));
if (files.includes("README.md") && files.includes("README.zh-CN.md")) {
  const [english, chinese] = [read("README.md"), read("README.zh-CN.md")];
  const levels = (text) => headings(text).map(([, level]) => level).join(" ");
  if (levels(english) !== levels(chinese)) problems.push("README.zh-CN.md: its headings do not follow those of README.md");
  commands(english).forEach((block, index) => {
    if (block !== commands(chinese)[index]) {
      problems.push(`README.zh-CN.md: code block ${index + 1} differs from that of README.md:\n${block}`);
    }
  });
}

// Every language has every text, with the same placeholders.
const locales = "app/locales";
function flatten(value, prefix = "") {
  if (typeof value !== "object" || value === null) return [[prefix, String(value)]];
  return Object.entries(value).flatMap(([key, inner]) => flatten(inner, prefix ? `${prefix}.${key}` : key));
}
if (fs.existsSync(path.join(repository, locales))) {
  const names = files.filter((file) => file.startsWith(`${locales}/`) && file.endsWith(".json"));
  const byLanguage = new Map();
  for (const name of names) {
    const [language, ...rest] = name.slice(locales.length + 1).replace(/\.json$/, "").split("/");
    const texts = byLanguage.get(language) ?? new Map();
    for (const [key, text] of flatten(JSON.parse(read(name)))) {
      const placeholders = [...text.matchAll(/\{\{\s*(\w+)/g)].map(([, word]) => word).sort().join(" ");
      texts.set([...rest, key].join("."), placeholders);
    }
    byLanguage.set(language, texts);
  }
  const english = byLanguage.get("en") ?? new Map();
  for (const [language, texts] of byLanguage) {
    for (const [key, placeholders] of english) {
      if (!texts.has(key)) problems.push(`${locales}: ${language} lacks ${key}`);
      else if (texts.get(key) !== placeholders) problems.push(`${locales}: ${language} has other placeholders in ${key}`);
    }
    for (const key of texts.keys()) if (!english.has(key)) problems.push(`${locales}: ${language} has ${key}, English does not`);
  }
}

for (const problem of problems) console.error(problem);
if (problems.length > 0) process.exit(1);
console.log("    documents and translations are sound");
