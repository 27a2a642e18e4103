// The story of an administrator, from the set-up link to a deleted server, in the language and theme of the project.
// The steps build on each other, so they run in order in one browser window.

import type { BrowserContext, Page } from "@playwright/test";

import { Console, chat, expect, hydrated, inspect, open, test } from "./fixtures.js";
import { type Texts, beginning, fill, pattern } from "./texts.js";

const username = "ada";
const password = "a long enough password";
const serverName = "first-upstream";

test.describe.serial("an administrator", () => {
  let context: BrowserContext;
  let page: Page;
  let messages: Console;
  let key = "";

  test.beforeAll(async ({ browser }) => {
    context = await browser.newContext();
    await context.grantPermissions(["clipboard-read", "clipboard-write"]);
    messages = new Console(context);
    page = await context.newPage();
  });

  test.afterEach(() => messages.expectSilence());
  test.afterAll(() => context?.close());

  const heading = (name: string | RegExp) => page.getByRole("heading", { level: 1, name });
  const button = (name: string) => page.getByRole("button", { name, exact: true });

  test("is told to look for the set-up link", async ({ running, texts }) => {
    await open(page, running.url);
    await expect(page.getByRole("heading", { name: texts.setup.before_title })).toBeVisible();
    await inspect(page, "before-setup");
  });

  test("sets up the first account by the link", async ({ running, texts }) => {
    await open(page, running.setupUrl.replace(/^https?:\/\/[^/]+/, running.url));
    await expect(heading(texts.setup.title)).toBeVisible();
    await inspect(page, "setup");

    await page.getByLabel(texts.login.username, { exact: true }).fill(username);
    await page.getByLabel(texts.login.password, { exact: true }).fill(password);
    await page.getByLabel(texts.login.password_again, { exact: true }).fill(`${password}!`);
    await messages.whileRefused(async () => {
      await button(texts.setup.submit).click();
      await expect(page.getByText(texts.problems.mismatch).first()).toBeVisible();
    });
    await expect(page.getByLabel(texts.login.username, { exact: true })).toHaveValue(username);

    await page.getByLabel(texts.login.password, { exact: true }).fill(password);
    await page.getByLabel(texts.login.password_again, { exact: true }).fill(password);
    await button(texts.setup.submit).click();
    await expect(heading(texts.overview.title)).toBeVisible();
    await inspect(page, "overview-empty");
  });

  test("cannot use the link a second time", async ({ running, browser, texts }) => {
    const stranger = await browser.newContext();
    const other = await stranger.newPage();
    await other.goto(running.setupUrl.replace(/^https?:\/\/[^/]+/, running.url));
    await expect(other.getByRole("heading", { level: 1, name: texts.login.title })).toBeVisible();
    await stranger.close();
  });

  test("signs out, mistypes the password, signs in", async ({ running, texts }) => {
    await signOut(page, texts);
    await expect(heading(texts.login.title)).toBeVisible();
    await inspect(page, "sign-in");

    await page.getByLabel(texts.login.username, { exact: true }).fill(username);
    await page.getByLabel(texts.login.password, { exact: true }).fill("not the password");
    await messages.whileRefused(async () => {
      await button(texts.login.submit).click();
      await expect(page.getByText(texts.errors.wrong_credentials).first()).toBeVisible();
    });

    await page.getByLabel(texts.login.password, { exact: true }).fill(password);
    await button(texts.login.submit).click();
    await expect(heading(texts.overview.title)).toBeVisible();
    await open(page, `${running.url}/servers`);
    await expect(heading(texts.servers.title)).toBeVisible();
    await inspect(page, "servers-empty");
  });

  test("creates a server with a mistake in its URL and corrects it", async ({ running, texts }) => {
    await open(page, `${running.url}/servers/new`);
    await expect(heading(texts.servers.new_title)).toBeVisible();

    const name = page.getByLabel(beginning(texts.servers.name)).first();
    const baseUrl = page.getByLabel(beginning(texts.servers.base_url));
    await name.fill(serverName);
    await baseUrl.fill("api.example.com/v1");
    await page.getByLabel(beginning(texts.servers.api_key)).first().fill("sk-upstream-for-tests");
    await page.getByRole("textbox", { name: beginning(texts.servers.models) }).fill("fake-small");
    await messages.whileRefused(async () => {
      await button(texts.common.save).click();
      await expect(page.getByText(texts.problems.url_invalid).first()).toBeVisible();
    });
    await expect(baseUrl).toHaveAttribute("aria-invalid", "true");
    await expect(baseUrl).toHaveValue("api.example.com/v1");
    await expect(name).toHaveValue(serverName);
    await inspect(page, "server-with-mistake");

    await baseUrl.fill(running.upstreamUrl);
    await button(texts.servers.test).click();
    await expect(page.getByText(pattern(texts.probe.succeeded_many))).toBeVisible();
    await button(texts.servers.fetch).click();
    await expect(page.getByRole("textbox", { name: beginning(texts.servers.models) })).toHaveValue(/fake-large/);
    await inspect(page, "server-tested");

    await button(texts.common.save).click();
    await expect(heading(texts.servers.title)).toBeVisible();
    await expect(page.getByRole("link", { name: serverName, exact: true })).toBeVisible();
    await inspect(page, "servers");
  });

  test("is told what is wrong with a server that does not answer", async ({ running, texts }) => {
    await open(page, `${running.url}/servers/new`);
    await page.getByLabel(beginning(texts.servers.base_url)).fill("http://127.0.0.1:9/v1");
    await button(texts.servers.test).click();
    await expect(page.getByText(texts.probe.connection_failed)).toBeVisible();
  });

  test("creates a key, which is shown once", async ({ running, texts }) => {
    await open(page, `${running.url}/keys/new`);
    await expect(heading(texts.keys.new_title)).toBeVisible();
    await inspect(page, "key-new");
    await page.getByLabel(beginning(texts.keys.name)).first().fill("story key");
    await button(texts.keys.create).click();
    await expect(page.getByText(texts.keys.created_text)).toBeVisible();
    key = await page.getByLabel(texts.keys.your_key).inputValue();
    expect(key.length).toBeGreaterThan(30);
    await button(texts.keys.copy_key).click();
    expect(await page.evaluate(() => navigator.clipboard.readText())).toBe(key);
    await expect(page.getByText(`Bearer ${key}`).first()).toBeVisible();
    await inspect(page, "key-created");

    await open(page, `${running.url}/keys`);
    await expect(page.getByRole("rowheader", { name: /^story key/ })).toBeVisible();
    await expect(page.getByText(key)).toHaveCount(0);
    await inspect(page, "keys");
  });

  test("sees a call appear without a reload", async ({ running, texts }) => {
    await open(page, `${running.url}/requests`);
    await expect(page.getByText(texts.requests.empty_title)).toBeVisible();
    await expect(page.getByText(texts.requests.live, { exact: true })).toBeVisible();
    const answer = await chat(running.url, key, "fake-small");
    expect(answer.status).toBe(200);
    expect(answer.body.choices[0].message.content).toBeTruthy();

    const row = page.getByRole("row").filter({ hasText: "fake-small" });
    await expect(row).toContainText(texts.outcome.completed);
    await expect(row).toContainText(serverName);
    await expect(row).toContainText("story key");
    await inspect(page, "requests");

    await open(page, `${running.url}/apps`);
    await expect(page.getByText("story", { exact: true })).toBeVisible();
    await inspect(page, "apps");
    await open(page, running.url);
    await inspect(page, "overview");
  });

  test("switches the server off, and calls fail with a clear message", async ({ running, texts }) => {
    await open(page, `${running.url}/servers`);
    await page.getByRole("button", { name: fill(texts.servers.disable_one, { name: serverName }) }).click();
    const enable = page.getByRole("button", { name: fill(texts.servers.enable_one, { name: serverName }) });
    await expect(enable).toBeVisible();
    const refused = await chat(running.url, key, "fake-small");
    expect(refused.status).toBe(503);
    expect(refused.body.error.code).toBe("no_server_available");
    expect(refused.body.error.message).toContain("fake-small");
    await inspect(page, "servers-disabled");

    await enable.click();
    await expect(page.getByRole("button", { name: fill(texts.servers.disable_one, { name: serverName }) })).toBeVisible();
    expect((await chat(running.url, key, "fake-small")).status).toBe(200);
  });

  test("deletes the server", async ({ running, texts }) => {
    await open(page, `${running.url}/servers`);
    await page.getByRole("button", { name: fill(texts.servers.delete_one, { name: serverName }) }).click();
    await expect(page.getByText(fill(texts.servers.delete_title, { name: serverName }))).toBeVisible();
    await inspect(page, "server-delete");
    await page.getByRole("dialog").getByRole("button", { name: texts.common.delete, exact: true }).click();
    await expect(page.getByText(texts.servers.empty_title)).toBeVisible();
    const refused = await chat(running.url, key, "fake-small");
    expect(refused.status).toBe(404);
    expect(refused.body.error.code).toBe("model_not_found");
  });

  test("revokes the key", async ({ running, texts }) => {
    await open(page, `${running.url}/keys`);
    await page.getByRole("button", { name: fill(texts.keys.revoke_one, { name: "story key" }) }).click();
    await page.getByRole("dialog").getByRole("button", { name: texts.keys.revoke, exact: true }).click();
    await expect(page.getByText(texts.keys.revoked, { exact: true })).toBeVisible();
    expect((await chat(running.url, key, "fake-small")).status).toBe(401);
  });

  test("finds nothing at an unknown address", async ({ running, texts }) => {
    await messages.whileRefused(async () => {
      await open(page, `${running.url}/no/such/page`);
      await expect(heading(texts.not_found.title)).toBeVisible();
    });
    await inspect(page, "not-found");
  });
});

async function signOut(page: Page, texts: Texts): Promise<void> {
  await page.getByRole("button", { name: texts.nav.sign_out, exact: true }).click();
  await hydrated(page);
}
