import assert from "node:assert/strict";
import { test } from "node:test";
import { openPage, screenshot, signIn, tab, waitForText } from "../support/browser.js";
import { Cloud } from "../support/cloud.js";
import { publishViews } from "../support/template.js";

/** Maximum size of the first load, in bytes. */
const FIRST_LOAD = 300_000;

const MODEL = "dtmi:com:example:Thermostat;1";
const shows = (name) => [{ name }];
const VIEW = {
  name: "At a glance",
  tiles: [
    { kind: "value", shows: shows("temperature"), columns: 1, rows: 1 },
    { kind: "chart", shows: shows("temperature"), columns: 3, rows: 2 },
    { kind: "value", shows: shows("maxTempSinceLastReboot"), columns: 1, rows: 1 },
    { kind: "properties", shows: shows("targetTemperature"), columns: 2, rows: 1 },
    { kind: "command", title: "Since when?", shows: shows("getMaxMinReport"), columns: 2, rows: 1 },
  ],
};

const TABS = [
  "Overview",
  "Properties",
  "Commands",
  "Raw data",
  "Twin",
  "Trace",
  "Component",
  "Faults",
];
const LOOKS = [390, 1440].flatMap((width) =>
  ["light", "dark"].map((colorScheme) => ({ width, colorScheme })),
);

test("every page fits a telephone and a desk, in light and dark, and keeps a picture of itself", async (t) => {
  const cloud = await Cloud.withThermostat(t);
  await cloud.cli("set", "targetTemperature", "23.5");
  await cloud.cli("call", "getMaxMinReport");
  await publishViews(await signIn(t, cloud), MODEL, [VIEW]);
  for (const { width, colorScheme } of LOOKS) {
    const page = await signIn(t, cloud, { colorScheme, viewport: { width, height: 900 } });
    const look = `${width}-${colorScheme}`;
    await waitForText(page, /temperature \d/);
    await screenshot(page, `devices-${look}`);
    await page.getByRole("link", { name: "thermostat-01" }).click();
    for (const title of TABS) {
      await tab(page, title);
      await page.locator("main .card").first().waitFor();
      await screenshot(page, `${title.toLowerCase().replace(" ", "-")}-${look}`);
      if (width < 1440)
        assert.equal(await cutTables(page), 0, `${title} has a table that is cut off at ${look}`);
    }
    await tab(page, VIEW.name);
    await page.locator(".view").getByText(/\d°C/).first().waitFor();
    await screenshot(page, `view-${look}`);
    await page
      .getByRole("navigation", { name: "Sections" })
      .getByRole("link", { name: "Device templates" })
      .click();
    await waitForText(page, "Version 1");
    await screenshot(page, `templates-${look}`);
    await page.getByRole("link", { name: "Thermostat" }).click();
    await page.locator(".view").getByText(/\d°C/).first().waitFor();
    await screenshot(page, `template-${look}`);
  }
});

/** Counts the tables that are wider than their card. */
function cutTables(page) {
  return page
    .locator(".card.table")
    .evaluateAll((cards) => cards.filter((card) => card.scrollWidth > card.clientWidth).length);
}

test("the first load is small, and asks for nothing that is not shown", async (t) => {
  const cloud = await Cloud.withThermostat(t);
  const page = await openPage(t);
  let bytes = 0;
  page.on("response", async (response) => {
    if (response.url().includes("/console/"))
      bytes += (await response.body().catch(() => "")).length;
  });
  await page.goto(await cloud.link());
  await waitForText(page, /temperature \d/);
  assert.ok(bytes > 0 && bytes < FIRST_LOAD, `${bytes} bytes`);
  const shown = await page.evaluate(
    () => performance.getEntriesByName("first-contentful-paint")[0].startTime,
  );
  t.diagnostic(`${bytes} bytes, first paint after ${Math.round(shown)} ms`);
});
