import { test } from "node:test";
import { see, signIn, tab } from "../support/browser.js";
import { Cloud, directory } from "../support/cloud.js";
import { otherVersion } from "../support/component.js";
import { Device } from "../support/device.js";
import { built } from "../support/paths.js";

const wasm = (buffer) => ({ name: "device.wasm", mimeType: "application/wasm", buffer });

test("a component that is chosen takes over, one that is none is refused, and the one before comes back", async (t) => {
  const cloud = await Cloud.withThermostat(t, { options: ["--probation-time=500ms", "--probation-events=1"] });
  const page = await signIn(t, cloud, { expected: /400/ });
  await page.getByRole("link", { name: "thermostat-01" }).click();
  await tab(page, "Component");
  await see(page, "Nothing.");
  const steps = page.locator("ol.steps li");
  await page.getByLabel("Component").setInputFiles(wasm(Buffer.from("not wasm")));
  await see(page, "this is no WebAssembly component");
  await page.getByLabel("Component").setInputFiles(wasm(Buffer.from("\0asm0000", "latin1")));
  await steps.filter({ hasText: /refused.*is not a WebAssembly component/ }).waitFor();

  await page.getByLabel("Component").setInputFiles(wasm(await otherVersion(built("thermostat.wasm"))));
  await steps.filter({ hasText: /begun.*thermostat 0\.1\.0 · [0-9a-f]{8} · pause \d/ }).waitFor();
  await steps.filter({ hasText: "accepted" }).waitFor();
  await page.getByRole("button", { name: "Roll back to it" }).click();
  await steps.filter({ hasText: /rolled-back.*a roll-back was asked for/ }).waitFor();
});

test("without a host beside the cloud there is no component to look at", async (t) => {
  const cloud = await Cloud.run(t, await directory(t));
  const page = await signIn(t, cloud);
  await Device.connect(t, cloud, page, "t-1");
  await page.getByRole("link", { name: "t-1" }).click();
  await see(page, "No data has come yet.");
  await page.getByRole("link", { name: "Component" }).waitFor({ state: "detached" });
});
