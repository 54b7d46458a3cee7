import { test } from "node:test";
import { signIn, tab, waitForText } from "../support/browser.js";
import { Cloud, directory } from "../support/cloud.js";
import { Device } from "../support/device.js";

test("the digital twin is shown beside both halves, with what differs", async (t) => {
  const cloud = await Cloud.withThermostat(t);
  const page = await signIn(t, cloud);
  await page.getByRole("link", { name: "thermostat-01" }).click();
  await tab(page, "Twin");
  await page
    .getByRole("row", { name: /^maxTempSinceLastReboot – (\d[\d.]*) \1 Reported only$/ })
    .waitFor();
  await page
    .locator(".card", { hasText: '"$dtId": "thermostat-01"' })
    .getByRole("heading", { name: "Digital twin" })
    .waitFor();
  await cloud.cli("set", "targetTemperature", "23.5");
  await page.getByRole("row", { name: "targetTemperature 23.5 23.5 23.5 In sync" }).waitFor();
  await waitForText(page, '"desiredValue"');
});

test("a device without a model that is known is told why it has no digital twin", async (t) => {
  const cloud = await Cloud.run(t, await directory(t));
  const page = await signIn(t, cloud, { expected: /404/ });
  const mute = await Device.connect(t, cloud, page, "mute-1");
  await mute.report({ speed: 3 });
  await Device.connect(t, cloud, page, "stranger-1", "dtmi:com:example:Nobody;1");
  await page.getByRole("link", { name: "mute-1" }).click();
  await tab(page, "Twin");
  await waitForText(page, "the device has announced no model.");
  await page.getByRole("row", { name: "speed – 3 Reported only" }).waitFor();
  await page.getByRole("link", { name: "Devices" }).click();
  await page.getByRole("link", { name: "stranger-1" }).click();
  await tab(page, "Twin");
  await waitForText(page, "the cloud does not have the model dtmi:com:example:Nobody;1");
});
