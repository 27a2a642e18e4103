// Counts what the test runners reported, prints a line for each part and the sum as the last line, `N passed, M failed`.
// A part that ended badly without naming a failed test (it did not compile, or it crashed) counts as one failure, and so
// does a part that ran no test at all. Exit status 1 if anything failed.
//   node scripts/count-tests.mjs RESULTS PART...

import fs from "node:fs";
import path from "node:path";
import { fileURLToPath } from "node:url";

/** `test result: ok. 12 passed; 0 failed; ...`: one line for each test binary. */
export function countCargo(text) {
  const count = { passed: 0, failed: 0 };
  for (const [, passed, failed] of text.matchAll(/^test result: \w+\. (\d+) passed; (\d+) failed;/gm)) {
    count.passed += Number(passed);
    count.failed += Number(failed);
  }
  return count;
}

/** JUnit's `<testsuite tests="5" failures="0" errors="0" skipped="0">`. */
export function countJunit(text) {
  const count = { passed: 0, failed: 0 };
  for (const [tag] of text.matchAll(/<testsuite [^>]*>/g)) {
    const number = (name) => Number(tag.match(new RegExp(` ${name}="(\\d+)"`))?.[1] ?? 0);
    const failed = number("failures") + number("errors");
    count.failed += failed;
    count.passed += number("tests") - failed - number("skipped");
  }
  return count;
}

/** The closing lines of node's TAP: `# pass 5` and `# fail 0`. */
export function countTap(text) {
  const number = (name) => Number(text.match(new RegExp(`^# ${name} (\\d+)$`, "m"))?.[1] ?? 0);
  return { passed: number("pass"), failed: number("fail") + number("cancelled") };
}

/** The `stats` of Playwright's JSON report. */
export function countPlaywright(text) {
  const { stats } = JSON.parse(text);
  return { passed: stats.expected + stats.flaky, failed: stats.unexpected };
}

const parts = {
  build: { title: "Build", file: "build.log", count: () => ({ passed: 0, failed: 0 }) },
  rust: { title: "Rust", file: "rust.log", count: countCargo },
  python: { title: "openai for Python", file: "python.xml", count: countJunit },
  node: { title: "openai for Node", file: "node.tap", count: countTap },
  browser: { title: "Browser", file: "browser.json", count: countPlaywright },
};

function main() {
  const [results, ...names] = process.argv.slice(2);
  const sum = { passed: 0, failed: 0 };
  for (const name of names) {
    const part = parts[name];
    let count = { passed: 0, failed: 0 };
    let note = "";
    try {
      count = part.count(fs.readFileSync(path.join(results, part.file), "utf8"));
    } catch (error) {
      note = ` (no report: ${error.message})`;
    }
    const status = fs.readFileSync(path.join(results, `${name}.status`), "utf8").trim();
    if (count.failed === 0 && (status !== "0" || count.passed === 0)) {
      count.failed = 1;
      note ||= status === "0" ? " (it ran no test)" : ` (it ended with status ${status})`;
    }
    console.log(`    ${part.title}: ${count.passed} passed, ${count.failed} failed${note}`);
    sum.passed += count.passed;
    sum.failed += count.failed;
  }
  if (names.length > 1 || names[0] === "build") {
    const total = `${sum.passed} passed, ${sum.failed} failed`;
    fs.writeFileSync(path.join(results, "total"), `${total}\n`);
    console.log(total);
  }
  process.exitCode = sum.failed === 0 ? 0 : 1;
}

if (process.argv[1] === fileURLToPath(import.meta.url)) main();
