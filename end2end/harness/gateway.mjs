// Starts the real `sluice` binary with a fresh database, and the fake upstream, on free ports of the loopback address.
// What is started here ends with `stop()`, and with this process at the latest.

import { spawn } from "node:child_process";
import fs from "node:fs";
import os from "node:os";
import path from "node:path";
import { fileURLToPath } from "node:url";

const repository = path.resolve(path.dirname(fileURLToPath(import.meta.url)), "../..");
const target = path.resolve(repository, process.env.CARGO_TARGET_DIR ?? "target");

/** The programs that are driven; another build can be named by these variables. */
export const programs = {
  sluice: process.env.GATEWAY_BINARY ?? path.join(target, "debug/sluice"),
  fakeUpstream: process.env.FAKE_UPSTREAM_BINARY ?? path.join(target, "debug/fake-upstream"),
};

/** The administrator that `startGateway` creates unless told otherwise. */
export const administrator = { username: "admin", password: "correct horse battery" };

const START_TIMEOUT_MS = 30_000;
const STOP_TIMEOUT_MS = 10_000;
const children = new Set();

process.on("exit", () => children.forEach((child) => child.kill("SIGKILL")));
for (const signal of ["SIGINT", "SIGTERM"]) process.on(signal, () => process.exit(1));

// Nothing of the caller's own Sluice settings may reach the one under test.
function cleanEnvironment(additional) {
  const inherited = Object.entries(process.env).filter(([name]) => !/^(SLUICE_|DATABASE_URL$|OPENAI_)/.test(name));
  return { ...Object.fromEntries(inherited), NO_COLOR: "1", ...additional };
}

/** Starts a program and waits until all `lines` (patterns with one group) were seen in what it prints. */
async function startProgram(program, args, environment, lines) {
  if (!fs.existsSync(program)) throw new Error(`${program} does not exist; \`make test\` builds it`);
  const child = spawn(program, args, { env: cleanEnvironment(environment), stdio: ["ignore", "pipe", "pipe"] });
  children.add(child);
  const ended = new Promise((resolve) => child.once("close", resolve));
  ended.then(() => children.delete(child));

  let output = "";
  const found = await new Promise((resolve, reject) => {
    const fail = (why) => {
      child.kill("SIGKILL");
      reject(new Error(`${path.basename(program)} ${why}; it printed:\n${output}`));
    };
    const timer = setTimeout(() => fail(`was not ready within ${START_TIMEOUT_MS / 1000} s`), START_TIMEOUT_MS);
    const read = (chunk) => {
      output = (output + chunk).slice(-200_000);
      const matches = lines.map((line) => output.match(line)?.[1]);
      if (matches.every(Boolean)) {
        clearTimeout(timer);
        resolve(matches);
      }
    };
    child.stdout.on("data", read);
    child.stderr.on("data", read);
    child.once("error", (error) => fail(`could not be started (${error.message})`));
    ended.then((status) => {
      clearTimeout(timer);
      fail(`ended with status ${status}`);
    });
  });

  return {
    found,
    output: () => output,
    async stop() {
      child.kill("SIGTERM");
      const timer = setTimeout(() => child.kill("SIGKILL"), STOP_TIMEOUT_MS);
      await ended;
      clearTimeout(timer);
    },
  };
}

/** Runs a program to its end and gives what it printed on stdout. */
async function runProgram(program, args, environment) {
  const child = spawn(program, args, { env: cleanEnvironment(environment), stdio: ["ignore", "pipe", "pipe"] });
  let stdout = "";
  let stderr = "";
  child.stdout.on("data", (chunk) => (stdout += chunk));
  child.stderr.on("data", (chunk) => (stderr += chunk));
  const status = await new Promise((resolve, reject) => {
    child.once("error", reject);
    child.once("close", resolve);
  });
  if (status !== 0) throw new Error(`${path.basename(program)} ${args.join(" ")} ended with ${status}:\n${stdout}${stderr}`);
  return stdout;
}

/** The fake upstream: `url` is its base URL for a server, with `/v1`. */
export async function startFakeUpstream() {
  const program = await startProgram(programs.fakeUpstream, ["--listen", "127.0.0.1:0"], {}, [
    /(http:\/\/127\.0\.0\.1:\d+)/,
  ]);
  return { url: `${program.found[0]}/v1`, output: program.output, stop: program.stop };
}

/**
 * The gateway, with a fresh data folder. Without `createAdministrator` it waits for its set-up link, which is `setupUrl`.
 */
export async function startGateway({ createAdministrator = true, environment = {} } = {}) {
  const dataFolder = fs.mkdtempSync(path.join(os.tmpdir(), "sluice-end2end-"));
  const settings = {
    SLUICE_LISTEN: "127.0.0.1:0",
    SLUICE_DATA_DIR: dataFolder,
    ...(createAdministrator
      ? { SLUICE_ADMIN_USERNAME: administrator.username, SLUICE_ADMIN_PASSWORD: administrator.password }
      : {}),
    ...environment,
  };
  const lines = [/(http:\/\/127\.0\.0\.1:\d+)/];
  if (!createAdministrator) lines.push(/(http:\/\/\S+\/setup\?token=[A-Za-z0-9_-]+)/);
  let program;
  try {
    program = await startProgram(programs.sluice, ["serve"], settings, lines);
  } catch (error) {
    fs.rmSync(dataFolder, { recursive: true, force: true });
    throw error;
  }
  const url = program.found[0];
  await waitUntilReady(url);
  return {
    url,
    setupUrl: program.found[1],
    output: program.output,
    async stop() {
      await program.stop();
      fs.rmSync(dataFolder, { recursive: true, force: true });
    },
    /** A client of the administration API, with a token made on the command line. */
    async administration() {
      const printed = await runProgram(programs.sluice, ["token", "create", "--json", "end2end"], settings);
      return new Administration(url, JSON.parse(printed).token);
    },
  };
}

/** The demo, with its past and a little traffic; `administrator` is who can sign in. */
export async function startDemo() {
  const program = await startProgram(programs.sluice, ["demo", "--listen", "127.0.0.1:0"], {}, [
    /Dashboard\s+(http:\/\/127\.0\.0\.1:\d+)/,
    /Sign in\s+(\S+ \/ \S+)/,
  ]);
  const [url, credentials] = program.found;
  const [username, password] = credentials.split(" / ");
  await waitUntilReady(url);
  return { url, administrator: { username, password }, output: program.output, stop: program.stop };
}

async function waitUntilReady(url) {
  const deadline = Date.now() + START_TIMEOUT_MS;
  for (;;) {
    const answer = await fetch(`${url}/health/ready`).catch(() => undefined);
    await answer?.body?.cancel();
    if (answer?.ok) return;
    if (Date.now() > deadline) throw new Error(`${url}/health/ready does not say 200: ${answer?.status}`);
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
}

/** The administration API, as far as the tests prepare things by it. */
export class Administration {
  constructor(url, token) {
    this.url = url;
    this.token = token;
  }

  async call(method, route, body) {
    const answer = await fetch(`${this.url}/api${route}`, {
      method,
      headers: { authorization: `Bearer ${this.token}`, ...(body ? { "content-type": "application/json" } : {}) },
      body: body && JSON.stringify(body),
    });
    const text = await answer.text();
    if (!answer.ok) throw new Error(`${method} /api${route}: ${answer.status} ${text}`);
    return text ? JSON.parse(text) : undefined;
  }

  /**
   * `models` maps public names to upstream names; `timeouts`, `limits` and `queue` are as in the REST API.
   * @param {{ name: string, baseUrl: string, apiKey?: string, models: Record<string, string>, timeouts?: object,
   *   limits?: object, queue?: object }} server
   */
  createServer({ name, baseUrl, apiKey, models, timeouts, limits, queue }) {
    return this.call("POST", "/servers", {
      name,
      base_url: baseUrl,
      api_key: apiKey,
      models: Object.entries(models).map(([publicName, upstreamName]) => ({ name: publicName, upstream_name: upstreamName })),
      ...(timeouts ? { timeouts } : {}),
      ...(limits ? { limits } : {}),
      ...(queue ? { queue } : {}),
    });
  }

  createApp(name) {
    return this.call("POST", "/apps", { name });
  }

  createKey(input) {
    return this.call("POST", "/keys", input);
  }
}
