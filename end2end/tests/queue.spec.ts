// A server with a limit: requests wait in front of it, one of them is cancelled on the page, the others go when there is
// room. The steps build on each other, so they run in order in one browser window.

import type { BrowserContext, Page } from "@playwright/test";

import { Console, administrator, chat, expect, hydrated, inspect, open, test } from "./fixtures.js";
import { fill, pattern } from "./texts.js";

/** Long enough to look at the queue before it drains, on a busy machine too. */
const windowSeconds = 30;
const limit = 2;
const calls = 5;
const serverName = "limited";
/** What `chat` calls itself. */
const app = "story";

test.use({ withAdministrator: true, settings: { SLUICE_LIMITS__WINDOW_SECONDS: String(windowSeconds) } });

test.describe.serial("a queue", () => {
  let context: BrowserContext;
  let page: Page;
  let messages: Console;
  let key = "";
  let serverUrl = "";

  test.beforeAll(async ({ browser, running }) => {
    const administration = await running.gateway.administration();
    const server = await administration.createServer({
      name: serverName,
      baseUrl: running.upstreamUrl,
      apiKey: "sk-upstream-for-tests",
      models: { "fake-small": "fake-small" },
    });
    serverUrl = `${running.url}/servers/${server.id}`;
    key = (await administration.createKey({ name: "queue key" })).key;
    context = await browser.newContext();
    messages = new Console(context);
    page = await context.newPage();
  });

  test.afterEach(() => messages.expectSilence());
  test.afterAll(() => context?.close());

  const button = (name: string) => page.getByRole("button", { name, exact: true });

  test("is not there without limits", async ({ running, texts }) => {
    await open(page, `${running.url}/login`);
    await page.getByLabel(texts.login.username, { exact: true }).fill(administrator.username);
    await page.getByLabel(texts.login.password, { exact: true }).fill(administrator.password);
    await button(texts.login.submit).click();
    await expect(page.getByText(texts.overview.queue_empty)).toBeVisible();
    await hydrated(page);
    await inspect(page, "overview-no-limits");

    await page.getByRole("link", { name: texts.overview.queue_empty_link, exact: true }).click();
    await page.getByRole("link", { name: serverName, exact: true }).click();
    await expect(page.getByRole("heading", { level: 1, name: serverName })).toBeVisible();
    await expect(page.getByText(texts.gauge.no_limit, { exact: true })).toHaveCount(3);
    await expect(page.getByText(texts.queue.empty_title, { exact: true })).toBeVisible();
    await inspect(page, "server-no-limits");
  });

  test("comes with a limit, which is entered with a mistake and corrected", async ({ texts }) => {
    await open(page, `${serverUrl}/edit`);
    const requests = page.getByLabel(texts.limits.requests, { exact: true });
    const length = page.getByLabel(texts.queue.length, { exact: true });
    await expect(requests).toHaveValue("");
    await expect(length).toHaveValue("100");

    // What cannot be read is found before what is out of range, everything of a kind at once.
    await requests.fill("many");
    await length.fill("");
    await messages.whileRefused(async () => {
      await button(texts.common.save).click();
      await expect(length).toHaveAttribute("aria-invalid", "true");
    });
    await expect(requests).toHaveAttribute("aria-invalid", "true");
    await expect(requests).toBeFocused();
    await requests.fill("0");
    await length.fill("10001");
    await messages.whileRefused(async () => {
      await button(texts.common.save).click();
      await expect(page.getByText(fill(texts.problems.out_of_range, { min: 1, max: 10_000_000 })).first()).toBeVisible();
    });
    await expect(page.getByText(fill(texts.problems.out_of_range, { min: 0, max: 10_000 })).first()).toBeVisible();
    await expect(requests).toHaveAttribute("aria-invalid", "true");
    await expect(length).toHaveAttribute("aria-invalid", "true");
    await inspect(page, "server-limits-mistake");

    await requests.fill(String(limit));
    await length.fill("10");
    await button(texts.common.save).click();
    await expect(page.getByRole("heading", { level: 1, name: texts.servers.title })).toBeVisible();
    await expect(page.getByText(fill(texts.limits.short_requests, { count: limit }), { exact: true })).toBeVisible();
    await inspect(page, "servers-limits");
  });

  test("fills, is seen, loses one request, and drains", async ({ running, texts }) => {
    test.setTimeout(120_000);
    await open(page, serverUrl);
    await expect(page.getByText(texts.requests.live, { exact: true })).toBeVisible();
    const gauge = page.getByRole("progressbar", { name: texts.gauge.name_requests, exact: true });
    await expect(gauge).toHaveAttribute("value", "0");
    await expect(gauge).toHaveAttribute("max", String(limit));

    const answers: Array<Awaited<ReturnType<typeof chat>>> = [];
    const all = Promise.all(
      Array.from({ length: calls }, async () => {
        answers.push(await chat(running.url, key, "fake-small"));
      }),
    );

    await expect(gauge).toHaveAttribute("value", String(limit));
    await expect(page.getByText(pattern(texts.gauge.full)).first()).toBeVisible();
    const cancel = page
      .getByRole("table", { name: texts.queue.list })
      .getByRole("button", { name: fill(texts.queue.cancel_one, { app }), exact: true });
    await expect(cancel).toHaveCount(calls - limit);
    await expect(
      page.getByText(fill(texts.queue.waiting_of, { count: calls - limit, capacity: 10 }), { exact: true }),
    ).toBeVisible();
    await inspect(page, "server-queue");

    const overview = await context.newPage();
    await open(overview, running.url);
    await expect(overview.getByText(fill(texts.overview.queue_many, { count: calls - limit }))).toBeVisible();
    await expect(
      overview.getByText(fill(texts.overview.server_waiting, { count: calls - limit, capacity: 10 })),
    ).toBeVisible();
    await inspect(overview, "overview-queue");
    await overview.close();

    await cancel.first().click();
    const dialog = page.getByRole("dialog");
    await expect(dialog.getByText(texts.queue.cancel_text)).toBeVisible();
    await dialog.getByRole("button", { name: texts.queue.cancel_submit, exact: true }).click();
    await expect(cancel).toHaveCount(calls - limit - 1);
    await expect.poll(() => answers.filter(({ status }) => status !== 200).length).toBe(1);
    const refused = answers.find(({ status }) => status !== 200);
    expect(refused?.status).toBe(503);
    expect(refused?.body.error.code).toBe("queue_evicted");
    expect(answers).toHaveLength(limit + 1);

    await expect(page.getByText(texts.queue.empty_title, { exact: true })).toBeVisible({
      timeout: (windowSeconds + 10) * 1000,
    });
    await all;
    expect(answers.filter(({ status }) => status === 200)).toHaveLength(calls - 1);
    await inspect(page, "server-queue-empty");
  });

  test("is told about in the list of requests", async ({ running, texts }) => {
    await open(page, `${running.url}/requests`);
    const waited = texts.requests.waited_for.replace("{{ limit }}", texts.limits.server_requests);
    await expect(page.getByRole("table").getByText(pattern(waited)).first()).toBeVisible();
    await expect(page.getByRole("table").getByText(pattern(texts.outcome.queue_evicted)).first()).toBeVisible();
    await inspect(page, "requests-queue");
  });

  test("says when the page is out of date, and catches up", async ({ texts }) => {
    await page.route("**/api/live**", (route) => route.fulfill({ status: 503 }));
    await messages.whileRefused(async () => {
      await open(page, serverUrl);
      await expect(page.getByText(texts.queue.stale_text)).toBeVisible();
      await inspect(page, "server-stale");
      await page.unroute("**/api/live**");
      await expect(page.getByText(texts.requests.live, { exact: true })).toBeVisible();
    });
    await expect(page.getByText(texts.queue.stale_text)).toHaveCount(0);
  });

  test("is off with a length of 0", async ({ texts }) => {
    await open(page, `${serverUrl}/edit`);
    await page.getByLabel(texts.queue.length, { exact: true }).fill("0");
    await button(texts.common.save).click();
    await expect(page.getByRole("heading", { level: 1, name: texts.servers.title })).toBeVisible();
    await open(page, serverUrl);
    await expect(page.getByText(texts.queue.off_title, { exact: true })).toBeVisible();
    await inspect(page, "server-queue-off");
  });

  test("has limits of apps and keys beside it", async ({ running, texts }) => {
    await open(page, `${running.url}/apps`);
    await page.getByRole("link", { name: fill(texts.apps.edit_one, { name: app }), exact: true }).click();
    await expect(page.getByRole("heading", { level: 1, name: fill(texts.apps.edit_title, { name: app }) })).toBeVisible();
    await page.getByLabel(texts.limits.tokens, { exact: true }).fill("50,000");
    await inspect(page, "app-limits");
    await button(texts.common.save).click();
    await expect(page.getByText(fill(texts.limits.short_tokens, { count: "50k" }), { exact: true })).toBeVisible();
    await inspect(page, "apps-limits");

    await open(page, `${running.url}/keys`);
    await page.getByRole("link", { name: fill(texts.keys.edit_one, { name: "queue key" }), exact: true }).click();
    await page.getByLabel(texts.keys.priority, { exact: true }).selectOption("high");
    await page.getByLabel(texts.limits.concurrency, { exact: true }).fill("4");
    await button(texts.common.save).click();
    const rules = [
      fill(texts.limits.short_concurrency, { count: 4 }),
      fill(texts.keys.priority_of, { priority: texts.keys.priority_high }),
    ];
    await expect(page.getByText(rules.join(" · "), { exact: true })).toBeVisible();
    await inspect(page, "keys-limits");
  });
});
