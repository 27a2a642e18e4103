// Overview and Usage with the numbers of the demo: charts and their table, ranges and groups, from a number to its rows, and the
// export, which says the same as the table. The steps build on each other, so they run in order in one browser window.

import type { Browser, BrowserContext, Page } from "@playwright/test";

import { startDemo } from "../harness/gateway.mjs";
import { Console, expect, expectNoSidewaysScrolling, hydrated, inspect, open, test } from "./fixtures.js";
import { fill, pattern } from "./texts.js";

/** A day in the reporting time zone (UTC), so many days ago. */
const day = (ago: number) => new Date(Date.now() - ago * 86_400_000).toISOString().slice(0, 10);

test.describe.serial("usage", () => {
  let demo: Awaited<ReturnType<typeof startDemo>>;
  let context: BrowserContext;
  let page: Page;
  let messages: Console;

  test.beforeAll(async ({ browser }) => {
    demo = await startDemo();
    context = await browser.newContext();
    messages = new Console(context);
    page = await context.newPage();
  });

  test.afterEach(() => messages.expectSilence());
  test.afterAll(async () => {
    await context?.close();
    await demo?.stop();
  });

  const drawn = (count: number, where = page) => expect(where.locator("sluice-chart[data-drawn] canvas")).toHaveCount(count);
  const choose = (label: string, value: string) => page.getByLabel(label, { exact: true }).selectOption(value);
  const choice = (name: string) => page.getByRole("main").getByRole("link", { name, exact: true });
  /** What a chart looks like now. */
  const picture = () => page.locator("sluice-chart canvas").first().evaluate((canvas: HTMLCanvasElement) => canvas.toDataURL());
  const number = async (column: string) => Number(await page.locator(`[data-total] [data-column=${column}] data`).getAttribute("value"));

  test("greets with figures, and each of them leads on", async ({ texts }) => {
    await open(page, `${demo.url}/login`);
    await page.getByLabel(texts.login.username, { exact: true }).fill(demo.administrator.username);
    await page.getByLabel(texts.login.password, { exact: true }).fill(demo.administrator.password);
    await page.getByRole("button", { name: texts.login.submit, exact: true }).click();
    await hydrated(page);
    const figures = page.locator("[data-figures]");
    await expect(figures.getByRole("link")).toHaveCount(7);
    await expect(figures.getByText(texts.overview.error_rate, { exact: true })).toBeVisible();
    await expect(page.locator("[data-rate]")).toHaveText(pattern(fill(texts.overview.rate_now, { rate: "{{ rate }}" })));
    await expect(page.locator("[data-rate]")).not.toContainText("–");

    const before = await figures.innerText();
    await choice(texts.usage_page.days_7).click();
    await expect(page).toHaveURL(/\/\?range=7d$/);
    await expect(figures).not.toHaveText(before);
    await inspect(page, "overview-demo");

    await figures.getByRole("link").first().click();
    await expect(page.getByRole("heading", { level: 1, name: texts.requests.title })).toBeVisible();
    await expect(page).toHaveURL(/\/requests\?from=/);
  });

  test("draws tokens by kind at first, and says the same in a table", async ({ texts }) => {
    await open(page, `${demo.url}/`);
    await page.getByRole("link", { name: texts.nav.usage, exact: true }).first().click();
    await expect(page.getByRole("heading", { level: 1, name: texts.usage_page.title })).toBeVisible();
    await drawn(1);
    await expect(page.locator("figure").getByText(texts.usage_page.tokens_cached, { exact: true })).toBeVisible();
    expect(await number("requests")).toBeGreaterThan(500);
    expect(await number("input_tokens") + await number("output_tokens")).toBe(await number("total_tokens"));
    await inspect(page, "usage-tokens");
  });

  test("changes range, groups and measure without loading the page anew", async ({ texts }) => {
    await page.evaluate(() => ((window as any).stays = true));
    await choice(texts.usage_page.days_30).click();
    await expect(page).toHaveURL(/range=30d/);
    await choose(texts.usage_page.by, "model");
    await expect(page).toHaveURL(/by=model/);
    await expect(page.locator("figure").getByText("thinker", { exact: true })).toBeVisible();
    await drawn(1);
    await inspect(page, "usage-models");

    await choice(texts.usage_page.measure_cost).click();
    await expect(page.getByText(fill(texts.usage_page.chart_cost, { currency: "USD" }), { exact: true })).toBeVisible();
    await expect(page.getByText(pattern(texts.usage_page.unpriced_many)).first()).toBeVisible();
    await drawn(1);
    await inspect(page, "usage-cost");

    await choice(texts.usage_page.measure_latency).click();
    await expect(page.getByText(texts.usage_page.chart_first_byte_p95, { exact: true })).toBeVisible();
    await drawn(2);
    await inspect(page, "usage-latency");

    await choose(texts.usage_page.by, "outcome");
    await choice(texts.usage_page.measure_requests).click();
    await choice(texts.usage_page.hours_24).click();
    await expect(page.locator("figure").getByText(texts.outcome.upstream_error, { exact: true })).toBeVisible();
    await drawn(1);
    await inspect(page, "usage-outcomes");
    expect(await page.evaluate(() => (window as any).stays)).toBe(true);
  });

  test("keeps up with hours over 90 days", async ({ texts }) => {
    await open(page, `${demo.url}/usage?range=90d&granularity=hour&by=app&measure=requests`);
    await drawn(1);
    await expect(page.getByText(pattern(fill(texts.usage_page.page_of, { page: 1, pages: "{{ pages }}" })))).toBeVisible();
    await inspect(page, "usage-quarter");
    await page.getByRole("link", { name: texts.usage_page.page_after, exact: true }).click();
    await expect(page).toHaveURL(/page=2/);
  });

  test("follows the theme while it is on the page", async ({ texts, colorScheme }) => {
    await open(page, `${demo.url}/usage?range=7d&by=app`);
    await drawn(1);
    const before = await picture();
    const [other, own] =
      colorScheme === "dark" ? [texts.nav.theme_light, texts.nav.theme_dark] : [texts.nav.theme_dark, texts.nav.theme_light];
    await page.getByRole("button", { name: other, exact: true }).click();
    await expect.poll(picture).not.toBe(before);
    await page.getByRole("button", { name: own, exact: true }).click();
    await expect.poll(picture).toBe(before);
  });

  test("shows what is under the pointer", async () => {
    const chart = page.locator("sluice-chart").first();
    const before = await picture();
    const box = (await chart.boundingBox())!;
    await page.mouse.move(box.x + box.width / 2, box.y + box.height / 2);
    await expect.poll(picture).not.toBe(before);
    await inspect(page, "usage-tooltip");
    await page.mouse.move(0, 0);
  });

  test("leads from a row to its requests", async ({ texts }) => {
    await open(page, `${demo.url}/usage?from=${day(3)}&to=${day(2)}&by=app&granularity=day`);
    const link = page.getByRole("row").filter({ hasText: "nightly-batch" }).first().getByRole("link");
    const count = Number(await link.locator("data").getAttribute("value"));
    expect(count).toBeGreaterThan(0);
    await link.click();
    await expect(page.getByRole("heading", { level: 1, name: texts.requests.title })).toBeVisible();
    const address = new URL(page.url());
    expect(address.searchParams.get("from")).toBe(`${day(3)}T00:00:00Z`);
    expect(address.searchParams.get("to")).toBe(`${day(2)}T00:00:00Z`);
    expect(address.searchParams.get("app")).toMatch(/^\d+$/);
    // They fit on one page, so that every one of them can be counted.
    await expect(page.getByRole("table").locator("tbody tr")).toHaveCount(count);
    await expect(page.getByRole("table").locator("tbody tr").filter({ hasNotText: "nightly-batch" })).toHaveCount(0);
  });

  test("exports exactly what the table says", async ({ texts }) => {
    await open(page, `${demo.url}/usage?from=${day(6)}&to=${day(2)}&by=model&tz=Asia/Kolkata`);
    const download = page.waitForEvent("download");
    await page.getByRole("link", { name: texts.usage_page.export }).click();
    const file = await download;
    expect(file.suggestedFilename()).toMatch(/^sluice-usage_[A-Za-z0-9_.-]+\.csv$/);
    const stream = await file.createReadStream();
    let text = "";
    stream.setEncoding("utf8");
    for await (const chunk of stream) text += chunk;
    expect(text.charCodeAt(0), "byte order mark").toBe(0xfeff);
    const [header = [], ...lines] = parseCsv(text.slice(1));

    const columns = ["requests", "errors", "input_tokens", "output_tokens", "total_tokens", "duration_p50_ms", "duration_p95_ms"];
    const places = columns.map((column) => header.indexOf(column));
    expect(places, `columns of ${header.join(",")}`).not.toContain(-1);
    const rows = await page.locator("tbody tr:not([data-total])").evaluateAll(
      (rows, columns) =>
        rows.map((row) => [
          row.querySelector("time")!.getAttribute("datetime")!,
          row.querySelector("td[title]")!.getAttribute("title")!,
          ...columns.map((column) => row.querySelector(`[data-column=${column}] data`)!.getAttribute("value")!),
        ]),
      columns,
    );
    expect(rows.length).toBeGreaterThan(10);
    const exported = lines.map((line) => [
      line[header.findIndex((name) => name === "start" || name === "period_start")],
      line[header.indexOf("model")],
      ...places.map((place) => line[place]),
    ]);
    expect(exported).toEqual(rows);
  });

  test("says what is wrong with what was entered, and what is not there", async ({ texts }) => {
    await open(page, `${demo.url}/usage?from=nonsense`);
    await expect(page.getByRole("alert")).toContainText(texts.problems.time_invalid);
    await open(page, `${demo.url}/usage?from=2001-01-01&to=2001-01-02`);
    await expect(page.getByText(texts.usage_page.empty_title, { exact: true })).toBeVisible();
    await inspect(page, "usage-empty");
  });

  test("works without JavaScript, but for the pictures", async ({ browser, texts }) => {
    const plain = await anotherWindow(browser, { javaScriptEnabled: false });
    await plain.goto(`${demo.url}/usage?range=30d`);
    await plain.getByLabel(texts.usage_page.by, { exact: true }).selectOption("app");
    await plain.getByRole("button", { name: texts.usage_page.apply, exact: true }).click();
    await expect(plain).toHaveURL(/by=app/);
    await expect(plain.getByRole("cell", { name: "search-index", exact: true }).first()).toBeVisible();
    await expect(plain.locator("figure")).toBeHidden();
    await plain.context().close();
  });

  test("fits a phone", async ({ browser }) => {
    const phone = await anotherWindow(browser, { viewport: { width: 375, height: 812 } });
    const said = new Console(phone.context());
    for (const [name, path] of [
      ["overview", "/?range=7d"],
      ["usage", "/usage?range=7d&by=model"],
      ["latency", "/usage?range=24h&measure=latency"],
    ] as const) {
      await open(phone, demo.url + path);
      if (name !== "overview") await expect(phone.locator("sluice-chart[data-drawn] canvas").first()).toBeVisible();
      await expectNoSidewaysScrolling(phone);
      await inspect(phone, `phone-${name}`);
    }
    said.expectSilence();
    await phone.context().close();
  });

  /** A window of the same administrator. */
  async function anotherWindow(browser: Browser, options: object): Promise<Page> {
    const other = await browser.newContext({ ...options, storageState: await context.storageState() });
    return other.newPage();
  }
});

/** Rows and cells of RFC 4180. */
function parseCsv(text: string): string[][] {
  const rows: string[][] = [[""]];
  let quoted = false;
  for (let at = 0; at < text.length; at += 1) {
    const sign = text[at]!;
    const row = rows.at(-1)!;
    if (quoted) {
      if (sign !== '"') row[row.length - 1] += sign;
      else if (text[at + 1] === '"') row[row.length - 1] += text[(at += 1)];
      else quoted = false;
    } else if (sign === '"') quoted = true;
    else if (sign === ",") row.push("");
    else if (sign === "\n") rows.push([""]);
    else if (sign !== "\r") row[row.length - 1] += sign;
  }
  return rows.filter((row) => row.length > 1 || row[0] !== "");
}
