import assert from "node:assert/strict";
import { readFile } from "node:fs/promises";
import { test } from "node:test";
import { signIn, tab, waitForText } from "../support/browser.js";
import { Cloud, directory } from "../support/cloud.js";
import { Device } from "../support/device.js";

test("the trace matches a desired property with its acknowledgment, and a command with its answer", async (t) => {
  const cloud = await Cloud.withThermostat(t);
  const page = await signIn(t, cloud);
  await page.getByRole("link", { name: "thermostat-01" }).click();
  await tab(page, "Trace");
  await cloud.cli("set", "targetTemperature", "23.5");
  await cloud.cli("call", "getMaxMinReport");
  const row = (name) => page.getByRole("row", { name });
  await row(/To device command getMaxMinReport .*answered in/).waitFor();
  await row(/From device command response 200 .*maxTemp.* after/).waitFor();
  await row(/REST PATCH \/twins\/thermostat/).waitFor();
  await row(/To device desired properties v2 .*23\.5.* answered in/)
    .getByRole("button")
    .click();
  await waitForText(page, '"$iothub/twin/PATCH/properties/desired/?$version=2"');
  await page
    .locator("tr.counterpart")
    .filter({ hasText: /From device.*reported properties.*"av":2/ })
    .waitFor();

  await page.getByRole("button", { name: "From device" }).click();
  await row(/desired properties v2/).waitFor({ state: "hidden" });
  await row(/command response 200/).waitFor();
  await page.getByRole("button", { name: "Both directions" }).click();
  await row(/desired properties v2/).waitFor();
  await page.getByRole("searchbox").fill("properties/desired/?$version=2");
  await row(/desired properties v2/).waitFor();
  await row(/command response 200/).waitFor({ state: "hidden" });
  await page.getByRole("searchbox").fill("");

  await page.getByRole("button", { name: "Commands" }).last().click();
  await row(/desired properties v2/).waitFor({ state: "hidden" });
  await page.getByRole("searchbox").fill("getMaxMin");
  await row(/command response 200/).waitFor({ state: "hidden" });
  const download = page.waitForEvent("download");
  await page.getByRole("button", { name: "NDJSON" }).click();
  const saved = (await readFile(await (await download).path(), "utf8"))
    .trimEnd()
    .split("\n")
    .map((line) => JSON.parse(line));
  assert.deepEqual(
    saved.map(({ operation, method }) => [operation, method]),
    [["method-call", "getMaxMinReport"]],
  );
  await page.getByRole("searchbox").fill("nothing like it");
  await waitForText(page, "No records");
  assert.ok(await page.getByRole("button", { name: "NDJSON" }).isDisabled());
});

test("what is no packet, or no JSON where there must be, is shown as malformed, and why", async (t) => {
  const cloud = await Cloud.run(t, await directory(t));
  const page = await signIn(t, cloud);
  const device = await Device.connect(t, cloud, page, "t-1");
  await page.getByRole("link", { name: "t-1" }).click();
  await tab(page, "Trace");
  await page
    .getByRole("row", { name: /CONNECT/ })
    .first()
    .waitFor();
  await device.send('{"temperature": ');
  await page
    .locator("tr.has-error")
    .filter({ hasText: 'invalid JSON: {"temperature": ' })
    .waitFor();
  device.sendMalformed();
  await page.getByRole("row", { name: /Malformed malformed packet/ }).waitFor();
});
