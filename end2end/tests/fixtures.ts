// What the tests share: a running gateway for each worker, a page whose console must stay silent, accessibility checks
// and pictures.

import fs from "node:fs";
import path from "node:path";
import { fileURLToPath } from "node:url";

import AxeBuilder from "@axe-core/playwright";
import { type BrowserContext, type Page, test as base, expect } from "@playwright/test";

import { administrator, startFakeUpstream, startGateway } from "../harness/gateway.mjs";
import { type Texts, textsFor } from "./texts.js";

const artifacts = path.join(path.dirname(fileURLToPath(import.meta.url)), "../artifacts");

export { administrator, expect };

/** A gateway and an upstream for it, both on free ports of the loopback address. */
export interface Running {
  /** Where the gateway is. */
  url: string;
  /** Its one-time set-up link; undefined where the administrator exists already. */
  setupUrl: string;
  /** Base URL of the fake upstream. */
  upstreamUrl: string;
  gateway: Awaited<ReturnType<typeof startGateway>>;
}

interface TestFixtures {
  /** Texts in the language of the project. */
  texts: Texts;
}

interface WorkerFixtures {
  /** Whether the gateway starts with an administrator, or waits for its set-up. */
  withAdministrator: boolean;
  /** Settings of the gateway, as environment variables. */
  settings: Record<string, string>;
  running: Running;
}

export const test = base.extend<TestFixtures, WorkerFixtures>({
  withAdministrator: [false, { scope: "worker", option: true }],
  settings: [{}, { scope: "worker", option: true }],

  running: [
    async ({ withAdministrator, settings }, use) => {
      const upstream = await startFakeUpstream();
      const gateway = await startGateway({ createAdministrator: withAdministrator, environment: settings });
      await use({ url: gateway.url, setupUrl: gateway.setupUrl ?? "", upstreamUrl: upstream.url, gateway });
      await gateway.stop();
      await upstream.stop();
    },
    { scope: "worker", timeout: 60_000 },
  ],

  texts: [
    async ({ locale }, use) => {
      await use(textsFor(locale));
    },
    { scope: "test" },
  ],
});

/** What the browser says by itself about an answer with an error status; it cannot be silenced from a page. */
const REFUSED = /^Failed to load resource: the server responded with a status of (401|403|404|409|422|429|503) /;

/** Watches a page's console: every error and warning counts, and so does an exception that nobody caught. */
export class Console {
  private readonly messages: string[] = [];
  private refusalsExpected = false;

  constructor(context: BrowserContext) {
    context.on("console", (message) => {
      if (message.type() !== "error" && message.type() !== "warning") return;
      if (this.refusalsExpected && REFUSED.test(message.text())) return;
      this.messages.push(`${message.type()}: ${message.text()} (${message.location().url})`);
    });
    context.on("weberror", (error) => this.messages.push(`exception: ${error.error().stack ?? error.error()}`));
  }

  /** Does something that the gateway refuses, which a browser reports as a failed request. */
  async whileRefused(action: () => Promise<void>): Promise<void> {
    this.refusalsExpected = true;
    try {
      await action();
    } finally {
      this.refusalsExpected = false;
    }
  }

  /** Fails if anything was said since the last time. */
  expectSilence(): void {
    expect(this.messages.splice(0), "messages on the browser's console").toEqual([]);
  }
}

/** Waits until the page answers to events. */
export async function hydrated(page: Page): Promise<void> {
  await expect(page.locator("body[data-hydrated]")).toBeAttached({ timeout: 30_000 });
}

/** Opens a page of the dashboard. */
export async function open(page: Page, url: string): Promise<void> {
  await page.goto(url);
  await hydrated(page);
}

/** Fails on serious and critical findings of axe, and keeps a picture of the whole page. */
export async function inspect(page: Page, name: string): Promise<void> {
  const project = test.info().project.name;
  fs.mkdirSync(artifacts, { recursive: true });
  await page.screenshot({ path: path.join(artifacts, `${project}-${name}.png`), fullPage: true, animations: "disabled" });
  const { violations } = await new AxeBuilder({ page }).analyze();
  const findings = violations
    .filter((violation) => violation.impact === "serious" || violation.impact === "critical")
    .map((violation) => `${violation.id}: ${violation.help}\n  ${violation.nodes.map((node) => node.html).join("\n  ")}`);
  expect(findings, `axe on ${name}`).toEqual([]);
}

/** The page must not be wider than the screen. */
export async function expectNoSidewaysScrolling(page: Page): Promise<void> {
  const [content, screen] = await page.evaluate(() => [
    document.documentElement.scrollWidth,
    document.documentElement.clientWidth,
  ]);
  expect(content, "width of the page").toBeLessThanOrEqual(screen);
}

/** Calls the gateway as an app does. */
export async function chat(url: string, key: string, model: string): Promise<{ status: number; body: any }> {
  const answer = await fetch(`${url}/v1/chat/completions`, {
    method: "POST",
    headers: { authorization: `Bearer ${key}`, "content-type": "application/json", "app-name": "story" },
    body: JSON.stringify({ model, messages: [{ role: "user", content: "Hello" }] }),
  });
  return { status: answer.status, body: await answer.json() };
}
