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
  await page.getByText("No fault and no lost connection so far.").waitFor();
  await page.getByRole("button", { name: "Begin black-hole" }).click();
  const outage = outages(page);
  await outage.filter({ hasText: /^black-hole.*still on after \d/ }).waitFor();
  await says(cost(outage, "Recovery"), /^not yet$/);
  await says(cost(outage, "Queued"), /^0 so far([3-9]|\d\d+) messages waiting now, the oldest for \d/);
  await screenshot(page, "faults-on");
  await page.getByRole("button", { name: "End black-hole" }).click();
  await says(cost(outage, "Queued"), /^([3-9]|\d\d+)the longest for \d/);
  await says(cost(outage, "Recovery"), /^\d.*after the fault ended$/);
  await says(cost(outage, "Lost"), /^0$/);
  await says(cost(outage, "Duplicated"), /^0$/);
  await screenshot(page, "faults-recovered");
});

test("what comes again because its acknowledgment was withheld is a duplicate", async (t) => {
  const { cloud, page } = await open(t);
  await page.getByRole("button", { name: "Begin withhold-acks" }).click();
  const outage = outages(page);
  await says(cost(outage, "Queued"), /([2-9]|\d\d+) messages waiting now/);
  await page.getByRole("button", { name: "Strike reset" }).click();
  await cloud.host("reconnect");
  await says(cost(outage, "Duplicated"), /^[1-9]/);
  await page.getByRole("button", { name: "End withhold-acks" }).click();
  await outage.filter({ hasText: /withhold-acks.*the connection was lost/ }).waitFor();
});

test("what a host gives up while it cannot connect is lost, and told so", async (t) => {
  const { cloud, page } = await open(t, ["--outbox-max-age=2s"]);
  await page.getByText("No fault and no lost connection so far.").waitFor();
  const outage = outages(page);
  await cloud.cli("fault", "connack", "--code", "3", "--device", DEVICE);
  await says(cost(outage, "Lost"), /^0$/);
  await page.getByRole("button", { name: "Strike reset" }).click();
  await says(cost(outage, "Lost"), /^[1-9]\d*given up by the host$/);
  await cloud.cli("fault", "connack", "off", "--device", DEVICE);
  await cloud.host("reconnect");
  await says(cost(outage, "Recovery"), /after the fault ended$/);
  await says(cost(outage, "Queued"), /^[1-9]\d*the longest for/);
});

test("a fault that is begun and ended elsewhere is shown", async (t) => {
  const cloud = await Cloud.run(t, await directory(t));
  const page = await signIn(t, cloud);
  await register(page, "t-1");
  await page.getByRole("link", { name: "t-1" }).click();
  await tab(page, "Faults");
  await page.getByText("No fault is on").waitFor();
  await cloud.cli("fault", "silent", "--device", "t-1");
  await page.getByRole("button", { name: "End silent" }).waitFor();
  await cloud.cli("fault", "clear");
  await page.getByText("No fault is on").waitFor();
});

test("what a device does not say is not known", async (t) => {
  const cloud = await Cloud.run(t, await directory(t));
  const page = await signIn(t, cloud);
  const device = await Device.connect(t, cloud, page, "t-1");
  await device.send("{\"temperature\": 21}");
  device.sendMalformed();
  await page.getByRole("link", { name: "t-1" }).click();
  await tab(page, "Faults");
  const outage = outages(page);
  await says(cost(outage, "Lost"), "not knownthe device does not say");
  await says(cost(outage, "Duplicated"), "not knownits messages have no id");
  await says(cost(outage, "Queued"), "not knownits messages do not say when they were made");
});
