import assert from "node:assert/strict";
import { mkdir } from "node:fs/promises";
import { join } from "node:path";
import { chromium } from "playwright-core";
import { atEnd } from "./ending.js";
import { SHOTS } from "./paths.js";
import { PATIENCE } from "./process.js";

const FLAGS = [
  "--headless", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-background-networking",
  "--disable-component-update", "--disable-sync",
];

let browser;

/** Ends the browser, once nobody needs it any more. */
export async function closeBrowser() {
  await browser?.close();
}

/**
 * A page of a browser that knows nothing yet. When the test ends, it has asked nobody but this machine for anything and
 * written no error, unless `expected` fits it.
 */
export async function openPage(t, { expected = /^$/, ...options } = {}) {
  browser ??= await chromium.launch({ executablePath: process.env.CHROMIUM, args: FLAGS });
  const context = await browser.newContext({ viewport: { width: 1440, height: 900 }, permissions: ["clipboard-read", "clipboard-write"], ...options });
  context.setDefaultTimeout(PATIENCE);
  const [hosts, errors] = [new Set(), []];
  context.on("request", (request) => hosts.add(new URL(request.url()).hostname));
  context.on("console", (message) => message.type() === "error" && errors.push(message.text()));
  context.on("weberror", (error) => errors.push(String(error.error())));
  atEnd(t, async () => {
    await context.close();
    assert.deepEqual([...hosts].filter((host) => host !== "127.0.0.1" && host !== ""), []);
    assert.deepEqual(errors.filter((error) => !expected.test(error)), []);
  });
  return context.newPage();
}

/** A page of a browser that has signed in, on the list of devices. */
export async function signIn(t, cloud, options) {
  const page = await openPage(t, options);
  await page.goto(await cloud.link());
  await page.getByRole("heading", { name: "Devices" }).waitFor();
  return page;
}

/** Waits until the page says this, and returns what says it. */
export async function see(page, text) {
  const found = page.getByText(text).first();
  await found.waitFor();
  return found;
}

/** Waits until the page says this no more. */
export function gone(page, text) {
  return page.getByText(text).first().waitFor({ state: "hidden" });
}

/** Keeps a picture of the page, whole, and sees that it is not wider than the window. */
export async function shoot(page, name) {
  await mkdir(SHOTS, { recursive: true });
  await page.screenshot({ path: join(SHOTS, `${name}.png`), fullPage: true });
  const [width, window] = await page.evaluate(() => [document.documentElement.scrollWidth, innerWidth]);
  assert.ok(width <= window, `${name} is ${width} wide in a window of ${window}`);
}

/** Goes to a tab of the device that is shown. */
export async function tab(page, title) {
  await page.getByRole("navigation", { name: "Device" }).getByRole("link", { name: title }).click();
}
