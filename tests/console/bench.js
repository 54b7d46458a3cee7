// Benchmark of the console: 1,000 devices that send 1,000 messages a second, and a device with
// 100,000 points. Everything is measured twice: idle and under load. Browser, cloud and devices
// share the machine.

import { availableParallelism, loadavg } from "node:os";
import { setTimeout as pause } from "node:timers/promises";
import { firstLoad, smallFile } from "./bench/first_load.js";
import { Inputs } from "./bench/inputs.js";
import { Load } from "./bench/load.js";
import { showCloud, showDevice, showInputs, showLoads } from "./bench/report.js";
import { Tab } from "./bench/tab.js";
import { closeBrowser, signIn, waitForText } from "./support/browser.js";
import { withCleanup } from "./support/cleanup.js";
import { Cloud, directory } from "./support/cloud.js";
import { Device } from "./support/device.js";

const DEVICES = 1000;
const RATE = 1000;
/** Points of the charted device, and the milliseconds between them. */
const [POINTS, SPACING] = [100_000, 72];
/** Milliseconds between two messages of that device during the measurement. */
const PULSE = 100;
/** Number of page loads, and of rounds of inputs. */
const ROUNDS = 7;
const ALONE = 30_000;
const MINUTE = 60_000;

const TABS = ["Properties", "Commands", "Raw data", "Twin", "Trace", "Faults", "Overview"];
const RANGES = ["1 min", "10 min", "1 h", "All"];

const button = (page, name) => page.getByRole("button", { name, exact: true });

/** Types in the filter and selects states. */
async function operateList(page) {
  const inputs = await Inputs.watch(page);
  for (let round = 0; round < ROUNDS; round++) {
    await page.getByRole("searchbox").focus();
    await inputs.type(..."-0042", ...Array(5).fill("Backspace"));
    for (const name of ["Connected", "Disconnected", "All"])
      await inputs.click(name, button(page, name));
  }
  return inputs.end();
}

/** Selects time ranges, pauses the chart and opens tabs. */
async function operateDevice(page) {
  const tab = (name) =>
    page.getByRole("navigation", { name: "Device" }).getByRole("link", { name });
  const inputs = await Inputs.watch(page);
  for (let round = 0; round < ROUNDS; round++) {
    for (const name of [...RANGES, "Pause", "Resume"]) await inputs.click(name, button(page, name));
    for (const name of TABS) await inputs.click(name, tab(name));
  }
  return inputs.end();
}

/** Opens the console and uses it for more than a minute. Returns the measurements. */
async function measure(t, cloud, all) {
  const page = await signIn(t, cloud);
  await waitForText(page, `${all} devices, ${all} connected`);
  const devices = await operateList(page);
  const startedAt = Date.now();
  await page.getByRole("searchbox").fill("pump-1");
  await page.getByRole("link", { name: "pump-1" }).click();
  await page.getByRole("button", { name: /^count\s*\d{6}/ }).waitFor();
  const openDuration = Date.now() - startedAt;
  const chart = await operateDevice(page);
  await button(page, "All").click();
  const tab = await Tab.of(page);
  const before = await tab.now();
  await pause(MINUTE);
  const after = await tab.now();
  await page.context().close();
  const loads = [];
  for (let round = 0; round < ROUNDS; round++) loads.push(await firstLoad(t, cloud));
  return { devices, openDuration, chart, before, after, loads };
}

async function bench(t) {
  const setting = `${availableParallelism()} CPUs, load average ${loadavg()[0].toFixed(1)}`;
  console.log(
    `console: ${DEVICES} devices, ${RATE} messages per second, a chart of ${POINTS} points, ${setting}`,
  );
  const cloud = await Cloud.run(t, await directory(t));
  const operator = await signIn(t, cloud);
  const device = await Device.connect(t, cloud, operator, "pump-1");
  await operator.context().close();
  const startedAt = Date.now() - POINTS * SPACING;
  await device.sendAll(
    Array.from({ length: POINTS }, (_, count) => ({
      created: startedAt + count * SPACING,
      body: { count },
    })),
  );
  let count = POINTS;
  const pulse = setInterval(() => void device.send(JSON.stringify({ count: count++ })), PULSE);
  const all = (DEVICES + 1).toLocaleString("en");

  const idleLoad = new Load(t, cloud, { devices: DEVICES, rate: 1 });
  const idle = await measure(t, cloud, all);
  const small = [];
  for (let round = 0; round < ROUNDS; round++) small.push(await smallFile(t, cloud));
  await idleLoad.stop();

  const unobservedLoad = new Load(t, cloud, { devices: DEVICES, rate: RATE });
  await pause(ALONE);
  const alone = await unobservedLoad.stop();

  const observedLoad = new Load(t, cloud, { devices: DEVICES, rate: RATE });
  const loaded = await measure(t, cloud, all);
  const observed = await observedLoad.stop();
  clearInterval(pulse);

  showCloud(RATE, alone, observed);
  showLoads(loaded.loads, idle.loads, small);
  showInputs("Devices", idle.devices, loaded.devices);
  showInputs("chart and tabs", idle.chart, loaded.chart);
  showDevice(loaded);
}

try {
  await withCleanup(bench);
} finally {
  await closeBrowser();
}
