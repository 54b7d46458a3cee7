import { test } from "node:test";
import { screenshot, signIn, tab } from "../support/browser.js";
import { Cloud, directory } from "../support/cloud.js";
import { Device, register } from "../support/device.js";

const DEVICE = "thermostat-01";

/** Opens the Faults tab of a thermostat whose host the cloud can control. */
async function open(t, options) {
  const cloud = await Cloud.withThermostat(t, { options });
  const page = await signIn(t, cloud);
  await page.getByRole("link", { name: DEVICE }).click();
  await tab(page, "Faults");
  return { cloud, page };
}

const outages = (page) => page.locator(".outages tbody tr");
const cost = (outage, title) => outage.locator(`[data-title="${title}"]`);
const says = (cell, text) => cell.filter({ hasText: text }).waitFor();

test("an outage shows what waits while it is on, and then what was queued, and that nothing was lost", async (t) => {
  const { page } = await open(t);
  await page.getByText("No outages").waitFor();
  await page.getByRole("button", { name: "Start black-hole" }).click();
  const outage = outages(page);
  await outage.filter({ hasText: /^black-hole.*ongoing for \d/ }).waitFor();
  await says(cost(outage, "Recovery"), /^Pending$/);
  await says(cost(outage, "Queued"), /^0 so far([3-9]|\d\d+) messages in the outbox, oldest \d/);
  await screenshot(page, "faults-on");
  await page.getByRole("button", { name: "Clear black-hole" }).click();
  await says(cost(outage, "Queued"), /^([3-9]|\d\d+)longest wait \d/);
  await says(cost(outage, "Recovery"), /^\d.*after the fault ended$/);
  await says(cost(outage, "Lost"), /^0$/);
  await says(cost(outage, "Duplicated"), /^0$/);
  await screenshot(page, "faults-recovered");
});

test("what comes again because its acknowledgment was withheld is a duplicate", async (t) => {
  const { cloud, page } = await open(t);
  await page.getByRole("button", { name: "Start withhold-acks" }).click();
  const outage = outages(page);
  await says(cost(outage, "Queued"), /([2-9]|\d\d+) messages in the outbox/);
  await page.getByRole("button", { name: "Trigger reset" }).click();
  await cloud.host("reconnect");
  await says(cost(outage, "Duplicated"), /^[1-9]/);
  await page.getByRole("button", { name: "Clear withhold-acks" }).click();
  await outage.filter({ hasText: /withhold-acks.*connection lost/ }).waitFor();
});

test("what a host gives up while it cannot connect is lost, and told so", async (t) => {
  const { cloud, page } = await open(t, ["--outbox-max-age=2s"]);
  await page.getByText("No outages").waitFor();
  const outage = outages(page);
  await cloud.cli("fault", "connack", "--code", "3", "--device", DEVICE);
  await says(cost(outage, "Lost"), /^0$/);
  await page.getByRole("button", { name: "Trigger reset" }).click();
  await says(cost(outage, "Lost"), /^[1-9]\d*evicted or dead-lettered$/);
  await cloud.cli("fault", "connack", "off", "--device", DEVICE);
  await cloud.host("reconnect");
  await says(cost(outage, "Recovery"), /after the fault ended$/);
  await says(cost(outage, "Queued"), /^[1-9]\d*longest wait/);
});

test("a fault that is begun and ended elsewhere is shown", async (t) => {
  const cloud = await Cloud.run(t, await directory(t));
  const page = await signIn(t, cloud);
  await register(page, "t-1");
  await page.getByRole("link", { name: "t-1" }).click();
  await tab(page, "Faults");
  await page.getByText("No active faults").waitFor();
  await cloud.cli("fault", "silent", "--device", "t-1");
  await page.getByRole("button", { name: "Clear silent" }).waitFor();
  await cloud.cli("fault", "clear");
  await page.getByText("No active faults").waitFor();
});

test("what a device does not say is not known", async (t) => {
  const cloud = await Cloud.run(t, await directory(t));
  const page = await signIn(t, cloud);
  const device = await Device.connect(t, cloud, page, "t-1");
  await device.send('{"temperature": 21}');
  device.sendMalformed();
  await page.getByRole("link", { name: "t-1" }).click();
  await tab(page, "Faults");
  const outage = outages(page);
  await says(cost(outage, "Lost"), "Unknownno connection to the host");
  await says(cost(outage, "Duplicated"), "Unknownmessages have no ID");
  await says(cost(outage, "Queued"), "Unknownmessages have no creation time");
});
