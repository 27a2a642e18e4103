// The dashboard for those who have no mouse, and for those who have no JavaScript.

import { administrator, expect, open, test } from "./fixtures.js";
import { beginning } from "./texts.js";

test.use({ withAdministrator: true });

test("is usable by keyboard alone", async ({ page, running, texts }) => {
  await open(page, `${running.url}/login`);
  const username = page.getByLabel(texts.login.username, { exact: true });
  for (let presses = 0; presses < 20; presses += 1) {
    if (await username.evaluate((element) => element === document.activeElement)) break;
    await page.keyboard.press("Tab");
  }
  await expect(username).toBeFocused();
  await page.keyboard.type(administrator.username);
  await page.keyboard.press("Tab");
  await page.keyboard.type(administrator.password);
  await page.keyboard.press("Enter");
  await expect(page.getByRole("heading", { level: 1, name: texts.overview.title })).toBeVisible();

  // From the top of a page, the first stop leads past the navigation.
  await open(page, `${running.url}/servers`);
  await page.keyboard.press("Tab");
  await expect(page.getByRole("link", { name: texts.nav.skip })).toBeFocused();
  await page.keyboard.press("Enter");
  await page.keyboard.press("Tab");
  await expect(page.getByRole("link", { name: texts.servers.add })).toBeFocused();
  await page.keyboard.press("Enter");
  await expect(page.getByRole("heading", { level: 1, name: texts.servers.new_title })).toBeVisible();
});

test.describe("without JavaScript", () => {
  test.use({ javaScriptEnabled: false });

  test("signs in, is told about a mistake, and creates a server", async ({ page, running, texts }) => {
    await page.goto(`${running.url}/login`);
    await page.getByLabel(texts.login.username, { exact: true }).fill(administrator.username);
    await page.getByLabel(texts.login.password, { exact: true }).fill(administrator.password);
    await page.getByRole("button", { name: texts.login.submit, exact: true }).click();
    await expect(page.getByRole("heading", { level: 1, name: texts.overview.title })).toBeVisible();

    const fillIn = async (baseUrl: string) => {
      await page.getByLabel(beginning(texts.servers.name)).first().fill("plain");
      await page.getByLabel(beginning(texts.servers.base_url)).fill(baseUrl);
      await page.getByRole("textbox", { name: beginning(texts.servers.models) }).fill("fake-small");
      await page.getByRole("button", { name: texts.common.save, exact: true }).click();
    };
    await page.goto(`${running.url}/servers/new`);
    await fillIn("api.example.com/v1");
    await expect(page.getByText(texts.problems.url_invalid).first()).toBeVisible();
    await fillIn(running.upstreamUrl);
    await expect(page.getByRole("link", { name: "plain", exact: true })).toBeVisible();
  });
});
