// The dashboard in the distribution's Chromium. `make test` builds what is driven here; CHROMIUM names another browser.

import { defineConfig } from "@playwright/test";

const desktop = { width: 1280, height: 800 };
const phone = { width: 375, height: 812 };

export default defineConfig({
  testDir: "tests",
  outputDir: "test-results",
  // One gateway and one browser at a time: each project has a worker of its own, and each worker a fresh database.
  workers: 1,
  retries: 0,
  timeout: 60_000,
  expect: { timeout: 10_000 },
  forbidOnly: !!process.env.CI,
  reporter: [["list"], ["json"]],
  use: {
    trace: "retain-on-failure",
    launchOptions: {
      executablePath: process.env.CHROMIUM ?? "/usr/bin/chromium",
      args: [
        "--no-sandbox",
        "--disable-gpu",
        "--disable-quic",
        "--no-first-run",
        "--disable-background-networking",
        "--disable-component-update",
        "--disable-sync",
      ],
    },
  },
  projects: [
    { name: "en-light", testIgnore: "phone.spec.ts", use: { viewport: desktop, locale: "en-US", colorScheme: "light" } },
    { name: "zh-dark", testIgnore: "phone.spec.ts", use: { viewport: desktop, locale: "zh-CN", colorScheme: "dark" } },
    { name: "phone", testMatch: "phone.spec.ts", use: { viewport: phone, locale: "en-US", colorScheme: "light" } },
  ],
});
