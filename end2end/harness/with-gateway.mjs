// Runs a command against a gateway of its own: `node end2end/harness/with-gateway.mjs -- COMMAND...`.
// The command finds the gateway in OPENAI_BASE_URL and OPENAI_API_KEY, as the official packages read them.

import { spawn } from "node:child_process";

import { startFakeUpstream, startGateway } from "./gateway.mjs";
import { limitedServers, models, windowSeconds } from "./models.mjs";

const [separator, command, ...args] = process.argv.slice(2);
if (separator !== "--" || !command) throw new Error("usage: with-gateway.mjs -- COMMAND...");

const running = [];
try {
  const upstream = await startFakeUpstream();
  running.push(upstream);
  const gateway = await startGateway({
    environment: {
      SLUICE_LIMITS__MAX_BODY_BYTES: "1048576",
      SLUICE_LIMITS__WINDOW_SECONDS: String(windowSeconds),
    },
  });
  running.push(gateway);
  const administration = await gateway.administration();
  await administration.createServer({ name: "fake", baseUrl: upstream.url, apiKey: "sk-fake-upstream", models });
  for (const server of limitedServers) {
    await administration.createServer({ ...server, baseUrl: upstream.url, apiKey: "sk-fake-upstream" });
  }
  const app = await administration.createApp("end2end");
  const key = await administration.createKey({ name: "end2end", app_id: app.id });

  const child = spawn(command, args, {
    env: { ...process.env, OPENAI_BASE_URL: `${gateway.url}/v1`, OPENAI_API_KEY: key.key },
    stdio: "inherit",
  });
  const status = await new Promise((resolve, reject) => {
    child.once("error", reject);
    child.once("close", (code) => resolve(code ?? 1));
  });
  if (status !== 0) console.error(`The gateway printed last:\n${gateway.output().slice(-4000)}`);
  process.exitCode = status;
} finally {
  for (const program of running.reverse()) await program.stop();
}
