import { copyFile, rename, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { test } from "node:test";
import { screenshot, signIn, tab, waitForText } from "../support/browser.js";
import { Cloud, directory } from "../support/cloud.js";
import { otherVersion } from "../support/component.js";
import { built } from "../support/paths.js";

test("a fault is begun, seen, ended and recovered from", async (t) => {
  const cloud = await Cloud.withThermostat(t);
  const page = await signIn(t, cloud);
  await page.getByRole("link", { name: "thermostat-01" }).click();
  await tab(page, "Faults");
  await waitForText(page, "No active faults");
  await page.getByRole("button", { name: "Start throttle-twin" }).click();
  await page.locator(".active-faults").getByText("This device").waitFor();
  await page.getByRole("button", { name: "Clear throttle-twin" }).click();
  await waitForText(page, "No active faults");
  await page.getByRole("button", { name: "Trigger reset" }).click();

  await tab(page, "Overview");
  const happened = page.locator("ol.activity li");
  await happened.filter({ hasText: /throttle-twin · for \d/ }).waitFor();
  await happened.filter({ hasText: "reset" }).waitFor();
  await happened.filter({ hasText: /Disconnected.* · for \d/ }).waitFor();
  await screenshot(page, "overview-fault");
});

test("a swap and a roll-back are marked with version, hash and pause", async (t) => {
  const component = join(await directory(t), "device.wasm");
  await copyFile(built("thermostat.wasm"), component);
  const options = ["--watch", "--probation-time=500ms", "--probation-events=1"];
  const cloud = await Cloud.withThermostat(t, { component, options });
  const page = await signIn(t, cloud);
  await page.getByRole("link", { name: "thermostat-01" }).click();
  await waitForText(page, "None");

  await writeFile(`${component}.new`, await otherVersion(built("thermostat.wasm"), "two"));
  await rename(`${component}.new`, component);
  const swap = page.locator("ol.activity li").filter({ hasText: "Swap" });
  await swap.filter({ hasText: /thermostat 0\.1\.0 accepted · [0-9a-f]{8} · pause \d/ }).waitFor();
  await cloud.host("rollback");
  await swap.filter({ hasText: "rolled back to thermostat 0.1.0" }).waitFor();
  await page.getByText("Rolled back", { exact: true }).waitFor();
  await screenshot(page, "overview-swap");
});
