// Looking for requests: filters in the address, drill-down, the drawer by keyboard, and CSV that says what the API says.

import fs from "node:fs";

import type { BrowserContext, Page } from "@playwright/test";

import { Console, administrator, expect, expectNoSidewaysScrolling, hydrated, inspect, open, test } from "./fixtures.js";
import { type Texts, fill } from "./texts.js";

// Rows are counted here, so nobody else may call this gateway: settings of its own, the default spelt out, start another one.
test.use({ withAdministrator: true, settings: { SLUICE_USAGE__RETENTION_DAYS: "30" } });

/** What an app sends; an upstream that is not there, a model that is not there, and streams are among it. */
async function call(url: string, key: string, app: string, id: string, model: string): Promise<void> {
  const answer = await fetch(`${url}/v1/chat/completions`, {
    method: "POST",
    headers: { authorization: `Bearer ${key}`, "content-type": "application/json", "app-name": app, "x-request-id": id },
    body: JSON.stringify({ model, stream: id.endsWith("2"), messages: [{ role: "user", content: "Hello" }] }),
  });
  await answer.text();
}

async function signIn(page: Page, url: string, texts: Texts): Promise<void> {
  await page.goto(`${url}/login`);
  await page.getByLabel(texts.login.username, { exact: true }).fill(administrator.username);
  await page.getByLabel(texts.login.password, { exact: true }).fill(administrator.password);
  await page.getByRole("button", { name: texts.login.submit, exact: true }).click();
  await expect(page.getByRole("heading", { level: 1, name: texts.overview.title })).toBeVisible();
}

test.describe.serial("requests", () => {
  let context: BrowserContext;
  let page: Page;
  let messages: Console;
  let key = "";
  let administration: Awaited<ReturnType<import("./fixtures.js").Running["gateway"]["administration"]>>;

  test.beforeAll(async ({ browser, running }) => {
    administration = await running.gateway.administration();
    await administration.createServer({
      name: "main",
      baseUrl: running.upstreamUrl,
      apiKey: "sk-upstream-for-tests",
      models: { "fake-small": "fake-small", "fake-large": "fake-large" },
    });
    key = (await administration.createKey({ name: "shared key" })).key;
    for (const app of ["shop", "desk"]) {
      for (const [id, model] of [
        ["1", "fake-small"],
        ["2", "fake-large"],
        ["3", "no-such-model"],
      ] as const) {
        await call(running.url, key, app, `${app}-${id}`, model);
      }
    }
    await expect.poll(async () => (await administration.call("GET", "/requests")).rows.length).toBe(6);
    context = await browser.newContext({ acceptDownloads: true });
    messages = new Console(context);
    page = await context.newPage();
  });

  test.afterEach(() => messages.expectSilence());
  test.afterAll(() => context?.close());

  const rows = () => page.locator("tr[data-request]");
  const field = (label: string) => page.getByRole("search").getByLabel(label, { exact: true });
  const dialog = () => page.getByRole("dialog");

  test("are filtered by a form, and the address says how", async ({ running, texts }) => {
    await signIn(page, running.url, texts);
    await hydrated(page);
    await open(page, `${running.url}/requests`);
    await expect(rows()).toHaveCount(6);
    await inspect(page, "requests-all");

    await field(texts.requests.app).fill("shop");
    await field(texts.requests.outcome).selectOption({ label: texts.outcome.completed });
    await page.getByRole("button", { name: texts.requests.apply, exact: true }).click();
    await expect(page).toHaveURL(`${running.url}/requests?app=shop&outcome=completed`);
    await expect(rows()).toHaveCount(2);
    await inspect(page, "requests-filtered");

    // A chip takes its filter away, and the form follows.
    await page.getByRole("link", { name: fill(texts.requests.remove_filter, { filter: texts.requests.app }) }).click();
    await expect(page).toHaveURL(`${running.url}/requests?outcome=completed`);
    await expect(rows()).toHaveCount(4);
    await expect(field(texts.requests.app)).toHaveValue("");
    await expect(field(texts.requests.outcome)).toHaveValue("completed");

    // A reload shows the same, and so does the way back.
    await open(page, page.url());
    await expect(rows()).toHaveCount(4);
    await expect(field(texts.requests.outcome)).toHaveValue("completed");
    await page.getByRole("link", { name: texts.requests.clear, exact: true }).click();
    await expect(rows()).toHaveCount(6);
    await page.goBack();
    await expect(rows()).toHaveCount(4);
  });

  test("keep coming while nothing hides them", async ({ running, texts }) => {
    await open(page, `${running.url}/requests?app=desk`);
    await expect(page.getByText(texts.requests.live, { exact: true })).toBeVisible();
    await expect(rows()).toHaveCount(3);
    // The focus stays on its row.
    const link = rows().first().getByRole("link");
    await link.focus();
    await call(running.url, key, "shop", "shop-4", "fake-small");
    await call(running.url, key, "desk", "desk-4", "fake-small");
    await expect(rows()).toHaveCount(4);
    await expect(rows().nth(1).getByRole("link")).toBeFocused();
  });

  test("are found by id, and the page says what hides them", async ({ running, texts }) => {
    await open(page, `${running.url}/requests`);
    await field(texts.requests.request_id).fill("desk-3");
    await field(texts.requests.request_id).press("Enter");
    await expect(rows()).toHaveCount(1);
    await expect(rows().first()).toContainText("no-such-model");

    await open(page, `${running.url}/requests?id=desk-3&outcome=completed&server=none`);
    await expect(page.getByRole("heading", { name: texts.requests.no_match })).toBeVisible();
    await inspect(page, "requests-hidden");
    await page
      .getByRole("link", { name: fill(texts.requests.show_without, { filter: texts.requests.outcome }) })
      .click();
    await expect(rows()).toHaveCount(1);

    await messages.whileRefused(() => open(page, `${running.url}/requests?from=yesterday&app=nobody`));
    await expect(page.getByRole("alert")).toContainText(texts.problems.time_invalid);
    await expect(page.getByRole("alert")).toContainText(texts.problems.unknown);
    await inspect(page, "requests-wrong-filter");
  });

  test("open beside the list by keyboard, and close with Escape", async ({ running, texts }) => {
    await open(page, `${running.url}/requests?app=shop&outcome=completed`);
    const link = rows().first().getByRole("link");
    await link.focus();
    await page.keyboard.press("Enter");
    await expect(dialog()).toBeVisible();
    await expect(dialog().getByText(texts.requests.step_first_byte)).toBeVisible();
    await expect(dialog().getByText(texts.requests.source_reported)).toBeVisible();
    await expect(page).toHaveURL(/[?&]request=[0-9a-f-]{36}$/);
    await inspect(page, "request-drawer");

    await page.keyboard.press("Escape");
    await expect(dialog()).toBeHidden();
    await expect(page).toHaveURL(`${running.url}/requests?app=shop&outcome=completed`);
    await expect(link).toBeFocused();

    // The browser's way back and a link do the same.
    await link.click();
    await expect(dialog()).toBeVisible();
    const address = page.url();
    await page.goBack();
    await expect(dialog()).toBeHidden();
    await open(page, address);
    await expect(dialog().getByText(texts.requests.step_first_byte)).toBeVisible();
    await dialog().getByRole("link", { name: texts.requests.own_page }).click();
    await expect(page.getByRole("heading", { level: 1, name: texts.requests.details })).toBeVisible();
    await expect(page.getByText(texts.requests.step_first_byte)).toBeVisible();
    await inspect(page, "request-page");

    // From there to all requests of the same app.
    await page.getByRole("link", { name: "shop", exact: true }).click();
    await expect(page).toHaveURL(/\/requests\?app=\d+$/);
    await expect(rows().first()).toContainText("shop");
  });

  test("leave as the CSV that the filter says", async ({ running, texts }) => {
    await open(page, `${running.url}/requests?model=fake-small,fake-large&app=shop`);
    await expect(rows()).toHaveCount(3);
    const downloading = page.waitForEvent("download");
    await page.getByRole("link", { name: texts.requests.export }).click();
    const download = await downloading;
    expect(download.suggestedFilename()).toBe("sluice-requests_start_now_app-shop_model-fake-small-fake-large.csv");
    const lines = fs.readFileSync(await download.path(), "utf8").trimEnd().split("\r\n");
    expect(lines[0]).toMatch(/^\ufeffid,client_request_id,started_at,/);
    const listed = (await administration.call("GET", "/requests?model=fake-small,fake-large&app=shop")).rows;
    expect(lines.slice(1).map((line) => line.split(",").slice(0, 2))).toEqual(
      listed.map((row: { id: string; client_request_id: string }) => [row.id, row.client_request_id]),
    );
  });

  test("are readable on a phone", async ({ running, texts }) => {
    await page.setViewportSize({ width: 375, height: 812 });
    await open(page, `${running.url}/requests?app=shop&outcome=completed&from=2026-01-01`);
    await expect(rows().first()).toBeVisible();
    await expectNoSidewaysScrolling(page);
    await inspect(page, "requests-phone");
    await rows().first().getByRole("link").click();
    await expect(dialog().getByText(texts.requests.step_first_byte)).toBeVisible();
    await inspect(page, "request-drawer-phone");
    await page.setViewportSize({ width: 1280, height: 800 });
  });
});

test.describe("requests without JavaScript", () => {
  test.use({ javaScriptEnabled: false });

  test("are filtered, opened and exported by plain links", async ({ page, running, texts }) => {
    const administration = await running.gateway.administration();
    const created = await administration.createKey({ name: "plain key" });
    await call(running.url, created.key, "plain", "plain-1", "fake-small");
    await call(running.url, created.key, "plain", "plain-2", "no-such-model");
    const isRegistered = async () => (await administration.call("GET", "/apps")).rows.some((row: { name: string }) => row.name === "plain");
    await expect.poll(isRegistered).toBe(true);
    await expect.poll(async () => (await administration.call("GET", "/requests?app=plain")).rows.length).toBe(2);
    await signIn(page, running.url, texts);

    await page.goto(`${running.url}/requests`);
    await page.getByLabel(texts.requests.app, { exact: true }).fill("plain");
    await page.getByLabel(texts.requests.model, { exact: true }).fill("no-such-model");
    await page.getByLabel(texts.requests.outcome, { exact: true }).selectOption("rejected");
    await page.getByRole("button", { name: texts.requests.apply, exact: true }).click();
    const row = page.locator("tr[data-request]");
    await expect(row).toHaveCount(1);
    await expect(row).toContainText("no-such-model");
    await expect(page.getByLabel(texts.requests.outcome, { exact: true })).toHaveValue("rejected");
    const href = await page.getByRole("link", { name: texts.requests.export }).getAttribute("href");
    expect(href).toBe("/api/requests?app=plain&model=no-such-model&outcome=rejected&format=csv&bom=true");

    await row.getByRole("link").click();
    await expect(page.getByRole("heading", { level: 1, name: texts.requests.details })).toBeVisible();
    await expect(page.getByText("plain-2", { exact: true })).toBeVisible();
  });
});
