import assert from "node:assert/strict";
import { mkdir } from "node:fs/promises";
import { join } from "node:path";
import { chromium } from "playwright-core";
import { afterTest } from "./cleanup.js";
import { SCREENSHOTS } from "./paths.js";
import { TIMEOUT } from "./process.js";

const FLAGS = [
  "--headless",
  "--no-sandbox",
  "--disable-gpu",
  "--disable-quic",
  "--no-first-run",
  "--disable-background-networking",
  "--disable-component-update",
  "--disable-sync",
];

let browser;

/** Closes the browser after the last test. */
export async function closeBrowser() {
  await browser?.close();
}

/**
 * Opens a page in a new browser context. Checks after the test that it requested nothing from
 * other machines and logged no error except those that match `expected`.
 */
export async function openPage(t, { expected = /^$/, ...options } = {}) {
  browser ??= await chromium.launch({ executablePath: process.env.CHROMIUM, args: FLAGS });
  const context = await browser.newContext({
    viewport: { width: 1440, height: 900 },
    permissions: ["clipboard-read", "clipboard-write"],
    ...options,
  });
  context.setDefaultTimeout(TIMEOUT);
  const [hosts, errors] = [new Set(), []];
  context.on("request", (request) => hosts.add(new URL(request.url()).hostname));
  context.on("console", (message) => message.type() === "error" && errors.push(message.text()));
  context.on("weberror", (error) => errors.push(String(error.error())));
  afterTest(t, async () => {
    await context.close();
    assert.deepEqual(
      [...hosts].filter((host) => host !== "127.0.0.1" && host !== ""),
      [],
    );
    assert.deepEqual(
      errors.filter((error) => !expected.test(error)),
      [],
    );
  });
  return context.newPage();
}

/** Opens the device list in a signed-in browser context. */
export async function signIn(t, cloud, options) {
  const page = await openPage(t, options);
  await page.goto(await cloud.link());
  await page.getByRole("heading", { name: "Devices" }).waitFor();
  return page;
}

/** Sends a request from a signed-in page. Returns status and JSON of the response. */
export function request(page, method, path, body) {
  return page.evaluate(
    async ({ method, path, body }) => {
      const headers = { "x-console-key": localStorage.getItem("session-key") };
      if (body !== undefined) headers["content-type"] = "application/json";
      const response = await fetch(path, { method, headers, body: JSON.stringify(body) });
      const text = await response.text();
      return { status: response.status, json: text === "" ? null : JSON.parse(text) };
    },
    { method, path, body },
  );
}

/** Waits for a text, and returns its locator. */
export async function waitForText(page, text) {
  const found = page.getByText(text).first();
  await found.waitFor();
  return found;
}

/** Waits until a text is hidden. */
export function waitForTextGone(page, text) {
  return page.getByText(text).first().waitFor({ state: "hidden" });
}

/** Saves a full-page screenshot, and checks that the page fits the window. */
export async function screenshot(page, name) {
  await mkdir(SCREENSHOTS, { recursive: true });
  await page.screenshot({ path: join(SCREENSHOTS, `${name}.png`), fullPage: true });
  const [width, window] = await page.evaluate(() => [
    document.documentElement.scrollWidth,
    innerWidth,
  ]);
  assert.ok(width <= window, `${name} is ${width} wide in a window of ${window}`);
}

/** Opens a tab of the current device. */
export async function tab(page, title) {
  await page.getByRole("navigation", { name: "Device" }).getByRole("link", { name: title }).click();
}
