// Takes the screenshot of the README: a minute of a thermostat's telemetry, with a swap and changes
// of the target temperature.

import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import { setTimeout as pause } from "node:timers/promises";
import { fileURLToPath } from "node:url";
import { closeBrowser, signIn } from "./support/browser.js";
import { withCleanup } from "./support/cleanup.js";
import { Cloud, directory } from "./support/cloud.js";
import { withVersion } from "./support/component.js";
import { built } from "./support/paths.js";

const IMAGE = fileURLToPath(new URL("../../docs/images/console.png", import.meta.url));
const VIEWPORT = { width: 1200, height: 900 };
/** Milliseconds until the temperature has reached a target. */
const SETTLED = 8_000;

/** Runs a thermostat until it has reached a target, so that its next run starts there. */
async function warmUp(t, dir) {
  const cloud = await Cloud.withThermostat(t, { dir });
  await cloud.cli("set", "targetTemperature", "21");
  await pause(SETTLED);
  await cloud.process.end();
}

async function screenshot(t) {
  const dir = await directory(t);
  await warmUp(t, dir);
  const cloud = await Cloud.withThermostat(t, { dir, options: ["--probation-time=8s"] });
  const candidate = join(dir, "thermostat.wasm");
  await writeFile(candidate, await withVersion(built("thermostat.wasm"), "0.2.0"));

  const page = await signIn(t, cloud, { viewport: VIEWPORT, bypassCSP: true });
  await page.getByRole("link", { name: "thermostat-01" }).click();
  // Nothing scrolls in a picture.
  await page.addStyleTag({ content: "html { scrollbar-gutter: auto; }" });
  await page.getByRole("button", { name: "1 min" }).click();
  await pause(24_000);
  await cloud.cli("set", "targetTemperature", "23.5");
  await pause(14_000);
  await cloud.host("swap", candidate);
  await pause(10_000);
  await cloud.cli("set", "targetTemperature", "22");
  await pause(12_000);
  await page.screenshot({ path: IMAGE, fullPage: true });
}

try {
  await withCleanup(screenshot);
} finally {
  await closeBrowser();
}
