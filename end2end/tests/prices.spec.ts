// Prices and budgets: a price is entered and counts, an app gets a budget, uses it up and sees it on its page. The steps
// build on each other, so they run in order in one browser window.

import type { BrowserContext, Page } from "@playwright/test";

import {
  Console,
  administrator,
  chat,
  expect,
  expectNoSidewaysScrolling,
  hydrated,
  inspect,
  open,
  test,
} from "./fixtures.js";
import { beginning, fill } from "./texts.js";

const serverName = "shop-upstream";
const model = "house-blend";
/** What `chat` calls itself. */
const app = "story";

test.use({ withAdministrator: true });

test.describe.serial("prices and budgets", () => {
  let context: BrowserContext;
  let page: Page;
  let messages: Console;
  let key = "";

  test.beforeAll(async ({ browser, running }) => {
    const administration = await running.gateway.administration();
    await administration.createServer({
      name: serverName,
      baseUrl: running.upstreamUrl,
      apiKey: "sk-upstream-for-tests",
      models: { [model]: "fake-small", "gpt-4o": "gpt-4o" },
    });
    key = (await administration.createKey({ name: "price key" })).key;
    context = await browser.newContext();
    messages = new Console(context);
    page = await context.newPage();
  });

  test.afterEach(() => messages.expectSilence());
  test.afterAll(() => context?.close());

  const button = (name: string) => page.getByRole("button", { name, exact: true });
  const modelRow = () => page.locator("[data-prices=models] tbody tr").filter({ hasText: model });
  const enteredRow = () => page.locator("[data-prices=entered] tbody tr").filter({ hasText: model });

  test("an unknown price is said to be unknown", async ({ running, texts }) => {
    await open(page, `${running.url}/login`);
    await page.getByLabel(texts.login.username, { exact: true }).fill(administrator.username);
    await page.getByLabel(texts.login.password, { exact: true }).fill(administrator.password);
    await button(texts.login.submit).click();
    await page.getByRole("link", { name: texts.nav.prices, exact: true }).click();
    await expect(page.getByRole("heading", { level: 1, name: texts.prices.title })).toBeVisible();
    await hydrated(page);
    await expect(modelRow()).toContainText(texts.prices.unknown);
    await expect(page.locator("[data-prices=models] tbody tr").filter({ hasText: "gpt-4o" })).toContainText(
      texts.prices.source_shipped,
    );
    await expect(page.getByText(texts.prices.entered_empty)).toBeVisible();
    await inspect(page, "prices-unknown");
  });

  test("a price is entered, changed and deleted", async ({ running, texts }) => {
    await modelRow().getByRole("link").click();
    await expect(page.getByRole("heading", { level: 1, name: texts.prices.new_title })).toBeVisible();
    await expect(page.locator("#field-model")).toHaveValue(model);
    await page.locator("#field-input").fill("much");
    await messages.whileRefused(async () => {
      await button(texts.common.save).click();
      await expect(page.getByRole("alert")).toBeVisible();
    });
    await expect(page.locator("#field-input")).toBeFocused();
    await expect(page.locator("#field-input-problem")).toHaveText(texts.problems.not_a_number);
    await expect(page.locator("#field-output-problem")).toHaveText(texts.problems.required);
    await inspect(page, "price-refused");
    await page.locator("#field-input").fill("1000");
    await page.locator("#field-output").fill("2000.5");
    await page.locator("#field-currency").fill("cny");
    await button(texts.common.save).click();
    await expect(page).toHaveURL(`${running.url}/prices`);
    await expect(modelRow()).toContainText("2000.50");
    await expect(modelRow()).toContainText("CNY");
    await expect(modelRow()).toContainText(texts.prices.source_server);
    await inspect(page, "prices-entered");

    await enteredRow().getByRole("link", { name: fill(texts.prices.edit_one, { model }), exact: true }).click();
    await page.locator("#field-cached_input").fill("0.125");
    await button(texts.common.save).click();
    await expect(enteredRow()).toContainText("0.125");
    await enteredRow().getByRole("button", { name: fill(texts.prices.delete_one, { model }), exact: true }).click();
    await page.getByRole("dialog").getByRole("button", { name: texts.common.delete, exact: true }).click();
    await expect(modelRow()).toContainText(texts.prices.unknown);
  });

  test("a shipped price is taken over", async ({ running, texts }) => {
    await page.getByText(texts.prices.shipped_show).click();
    await page.getByRole("link", { name: fill(texts.prices.take_over_one, { model: "gpt-4o" }), exact: true }).click();
    await expect(page.locator("#field-model")).toHaveValue("gpt-4o");
    await expect(page.locator("#field-output")).toHaveValue("10");
    await button(texts.common.save).click();
    await expect(page).toHaveURL(`${running.url}/prices`);
    await expect(page.locator("[data-prices=entered] tbody tr").filter({ hasText: "gpt-4o" })).toBeVisible();
  });

  test("an app uses its budget up and says so", async ({ running, texts }) => {
    expect((await chat(running.url, key, model)).status).toBe(200);
    const administration = await running.gateway.administration();
    const isRegistered = async () => (await administration.call("GET", "/apps")).rows.some((row: { name: string }) => row.name === app);
    await expect.poll(isRegistered).toBe(true);
    await open(page, `${running.url}/apps`);
    await page.getByRole("link", { name: fill(texts.apps.edit_one, { name: app }), exact: true }).click();
    await expect(page.getByRole("heading", { level: 1 })).toContainText(app);
    await hydrated(page);
    await expect(page.locator("[data-budget]")).toHaveCount(0);
    await page.getByLabel(beginning(texts.budgets.daily_tokens)).fill("0");
    await messages.whileRefused(async () => {
      await button(texts.common.save).click();
      await expect(page.locator("#field-daily_tokens-problem")).toHaveText(texts.problems.not_positive);
    });
    // Less than was used before it was set: it counts from midnight.
    await page.getByLabel(beginning(texts.budgets.daily_tokens)).fill("2");
    await page.getByLabel(beginning(texts.budgets.monthly_cost)).fill("50");
    await button(texts.common.save).click();
    await expect(page).toHaveURL(`${running.url}/apps`);
    const row = page.getByRole("row").filter({ hasText: app });
    await expect(row).toContainText(texts.budgets.exceeded);
    const refused = await chat(running.url, key, model);
    expect([refused.status, refused.body.error.code]).toEqual([403, "budget_exceeded"]);

    await row.getByRole("link", { name: fill(texts.apps.edit_one, { name: app }), exact: true }).click();
    const bar = page.locator("[data-budget=daily_tokens]");
    await expect(bar).toContainText(texts.budgets.exceeded);
    await expect(page.locator("[data-budget=monthly_cost]")).toContainText(texts.budgets.ok);
    await hydrated(page);
    await inspect(page, "app-budget-exceeded");
    await page.setViewportSize({ width: 375, height: 812 });
    await expectNoSidewaysScrolling(page);
    await open(page, `${running.url}/prices`);
    await expectNoSidewaysScrolling(page);
    await inspect(page, "prices-narrow");
  });
});
