// Language and theme: the browser's wishes count at first, what is chosen counts after that.

import { expect, hydrated, open, test } from "./fixtures.js";

test.use({ withAdministrator: true });

test("follows the language and the colours of the browser", async ({ page, running, texts, locale, colorScheme }) => {
  await open(page, `${running.url}/login`);
  await expect(page.locator("html")).toHaveAttribute("lang", locale?.startsWith("zh") ? "zh-CN" : "en");
  await expect(page.getByRole("heading", { level: 1 })).toHaveText(texts.login.title);
  const lightness = await page.evaluate(() => {
    const canvas = document.createElement("canvas").getContext("2d")!;
    // From the back to the front, so that a transparent body lets the page's own colour through.
    for (const element of [document.documentElement, document.body]) {
      canvas.fillStyle = getComputedStyle(element).backgroundColor;
      canvas.fillRect(0, 0, 1, 1);
    }
    const [red = 0, green = 0, blue = 0] = canvas.getImageData(0, 0, 1, 1).data;
    return (red + green + blue) / 3;
  });
  if (colorScheme === "dark") expect(lightness).toBeLessThan(100);
  else expect(lightness).toBeGreaterThan(200);
});

test("remembers another language", async ({ page, running, locale }) => {
  await open(page, `${running.url}/login`);
  const [other, tag] = locale?.startsWith("zh") ? ["English", "en"] : ["简体中文", "zh-CN"];
  await page.getByRole("button", { name: other, exact: true }).click();
  await expect(page.locator("html")).toHaveAttribute("lang", tag);
  await page.reload();
  await hydrated(page);
  await expect(page.locator("html")).toHaveAttribute("lang", tag);
});

test("remembers another theme", async ({ page, running, texts, colorScheme }) => {
  await open(page, `${running.url}/login`);
  const [other, theme] =
    colorScheme === "dark" ? [texts.nav.theme_light, "sluice-light"] : [texts.nav.theme_dark, "sluice-dark"];
  const remembered = page.waitForResponse((response) => response.url().includes("/api/ui/"));
  await page.getByRole("button", { name: other, exact: true }).click();
  await expect(page.locator("html")).toHaveAttribute("data-theme", theme);
  await remembered;
  await page.reload();
  await expect(page.locator("html")).toHaveAttribute("data-theme", theme);
});
