// Every page on a screen of 375 pixels: readable without scrolling sideways, and sound for axe.

import type { BrowserContext, Page } from "@playwright/test";

import { Console, administrator, chat, expect, expectNoSidewaysScrolling, hydrated, inspect, open, test } from "./fixtures.js";

test.use({ withAdministrator: true });

test.describe.serial("on a phone", () => {
  let context: BrowserContext;
  let page: Page;
  let messages: Console;

  test.beforeAll(async ({ browser, running }) => {
    const administration = await running.gateway.administration();
    await administration.createServer({
      name: "a-server-with-a-rather-long-name",
      baseUrl: running.upstreamUrl,
      apiKey: "sk-upstream-for-tests",
      models: { "fake-small": "fake-small", "a-model/with-a-long-name:free": "fake-large" },
    });
    const created = await administration.createKey({ name: "phone key" });
    await chat(running.url, created.key, "fake-small");
    await chat(running.url, created.key, "no-such-model");
    context = await browser.newContext();
    messages = new Console(context);
    page = await context.newPage();
  });

  test.afterEach(() => messages.expectSilence());
  test.afterAll(() => context?.close());

  test("signs in", async ({ running, texts }) => {
    await open(page, `${running.url}/login`);
    await expectNoSidewaysScrolling(page);
    await inspect(page, "sign-in");
    await page.getByLabel(texts.login.username, { exact: true }).fill(administrator.username);
    await page.getByLabel(texts.login.password, { exact: true }).fill(administrator.password);
    await page.getByRole("button", { name: texts.login.submit, exact: true }).click();
    await expect(page.getByRole("heading", { level: 1, name: texts.overview.title })).toBeVisible();
    await hydrated(page);
  });

  for (const [name, path] of [
    ["overview", "/"],
    ["usage", "/usage"],
    ["servers", "/servers"],
    ["server-new", "/servers/new"],
    ["server", "/servers/1"],
    ["server-edit", "/servers/1/edit"],
    ["apps", "/apps"],
    ["app", "/apps/1"],
    ["keys", "/keys"],
    ["key-new", "/keys/new"],
    ["requests", "/requests"],
  ] as const) {
    test(`shows ${name}`, async ({ running }) => {
      await open(page, running.url + path);
      await expect(page.getByRole("heading", { level: 1 })).toBeVisible();
      await expectNoSidewaysScrolling(page);
      await inspect(page, name);
    });
  }
});
