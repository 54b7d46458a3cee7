import assert from "node:assert/strict";
import { test } from "node:test";
import { setTimeout as pause } from "node:timers/promises";
import { openPage, see, signIn } from "../support/browser.js";
import { Cloud, directory } from "../support/cloud.js";
import { registerAll } from "../support/device.js";

const DEVICES = 1000;
/** Devices the list shows at a time. */
const PART = 50;
/** Places the keyboard stops at from the filter to the first device: four states, two parts of the list, and the device. */
const STOPS = 7;

/** Milliseconds an answer takes, if it is slow: longer than the page waits before it asks again. */
const SLOW = 1000;

test("a thousand devices are listed a part at a time, found by name, and reached by keyboard", async (t) => {
  const cloud = await Cloud.run(t, await directory(t));
  const page = await signIn(t, cloud);
  const name = (number) => `pump-${String(number).padStart(4, "0")}`;
  await registerAll(page, Array.from({ length: DEVICES }, (_, number) => name(number)));
  const rows = page.locator("table.devices tbody tr");
  const rowsAre = (count) => page.waitForFunction((count) => document.querySelectorAll("table.devices tbody tr").length === count, count);
  const names = () => page.locator("table.devices tbody th").allInnerTexts();
  const filter = page.getByRole("searchbox");

  await t.test("a part of them is shown, and all are counted", async () => {
    await see(page, "1,000 devices, 0 connected");
    await see(page, "1–50 of 1,000");
    await rowsAre(PART);
  });

  await t.test("one of them is found by its name, wherever it is", async () => {
    await filter.fill("0777");
    await see(page, "1–1 of 1");
    assert.match(await rows.innerText(), /^pump-0777\b/);
    await filter.fill("");
    await rowsAre(PART);
  });

  await t.test("the keyboard turns to every one of them, and stays at the end", async () => {
    const found = new Set(await names());
    const next = page.getByRole("button", { name: "Next" });
    await next.focus();
    for (let shown = PART; shown < DEVICES; shown += PART) {
      await page.keyboard.press("Enter");
      await see(page, `${(shown + 1).toLocaleString("en")}–${(shown + PART).toLocaleString("en")} of 1,000`);
      for (const name of await names()) found.add(name);
    }
    assert.equal(found.size, DEVICES);
    await page.keyboard.press("Enter");
    assert.equal(await page.evaluate(() => document.activeElement?.textContent), "Next");
    await rows.last().getByText("pump-0999").waitFor();
  });

  await t.test("a filter begins at its first device, to which the keyboard leads", async () => {
    await filter.press("4");
    await page.keyboard.press("2");
    await see(page, "1–20 of 20");
    for (let stop = 0; stop < STOPS; stop++) await page.keyboard.press("Tab");
    assert.equal(await page.evaluate(() => document.activeElement?.textContent), "pump-0042");
    await page.keyboard.press("Enter");
    await page.getByRole("heading", { name: "pump-0042" }).waitFor();
  });
});

test("the list is shown although another device comes before each answer", async (t) => {
  const cloud = await Cloud.run(t, await directory(t));
  const page = await openPage(t);
  let asked = 0;
  await page.route("**/devices/query?*", async (route) => {
    asked += 1;
    await registerAll(page, [`pump-${asked}`]);
    await pause(SLOW);
    await route.continue();
  });
  await page.goto(await cloud.link());
  await see(page, "pump-1");
  await see(page, "pump-2");
  await page.unrouteAll({ behavior: "ignoreErrors" });
});
