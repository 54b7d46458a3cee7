import assert from "node:assert/strict";
import { test } from "node:test";
import { screenshot, signIn, tab, waitForText } from "../support/browser.js";
import { Cloud, directory } from "../support/cloud.js";
import { otherVersion } from "../support/component.js";
import { Device } from "../support/device.js";
import { dropFile } from "../support/fileDrop.js";
import { built } from "../support/paths.js";

const PROBATION = ["--probation-time=500ms", "--probation-events=1"];

/** Opens the Component tab of a thermostat whose host the cloud can control. */
async function open(t, options, expected) {
  const cloud = await Cloud.withThermostat(t, { options });
  const page = await signIn(t, cloud, { expected });
  await page.getByRole("link", { name: "thermostat-01" }).click();
  await tab(page, "Component");
  return page;
}

const running = (page) => page.locator(".detail-list .hash").textContent();
const outcome = (page, title) =>
  page.locator(".swap-progress .chip").getByText(title, { exact: true }).waitFor();

test("a component that is dropped takes over, is accepted, rolled back, refused, and forced", async (t) => {
  const page = await open(t, PROBATION);
  const [back, history] = [
    page.getByRole("button", { name: "Roll back…" }),
    page.locator("ol.history li"),
  ];
  const first = await running(page);
  assert.ok(await back.isDisabled());

  await dropFile(
    page.locator(".file-drop"),
    "two.wasm",
    await otherVersion(built("thermostat.wasm"), "two"),
  );
  await outcome(page, "Accepted");
  assert.equal(await page.locator(".stages .done").count(), 3);
  assert.equal(await page.getByRole("button", { name: /^Retry/ }).count(), 0);
  await history.filter({ hasText: /Accepted.*thermostat 0\.1\.0 · [0-9a-f]{8}/ }).waitFor();
  await history
    .filter({ hasText: /Started.*thermostat 0\.1\.0 · [0-9a-f]{8}.*requested · pause / })
    .waitFor();
  await page
    .getByText(`thermostat 0.1.0 · ${first.slice(0, 8)}`)
    .first()
    .waitFor();
  const second = await running(page);
  assert.notEqual(second, first);
  await screenshot(page, "component-accepted");

  await back.click();
  await page.getByRole("dialog").getByRole("button", { name: "Cancel" }).click();
  await back.click();
  await page.getByRole("dialog").getByRole("button", { name: "Roll back" }).click();
  await outcome(page, "Rolled back");
  await page.locator(".detail-list .hash").getByText(first).waitFor();
  await waitForText(page, "Quarantined");
  await history
    .filter({ hasText: /Rolled back.*rolled back to thermostat.*a rollback was requested/ })
    .waitFor();

  await dropFile(
    page.locator(".file-drop"),
    "two.wasm",
    await otherVersion(built("thermostat.wasm"), "two"),
  );
  await outcome(page, "Rejected");
  await page.locator(".stages .failed").getByText("Quarantined after a rollback").waitFor();
  await screenshot(page, "component-rejected");
  await page.getByLabel("Accept a quarantined version").check();
  await page.getByRole("button", { name: "Retry two.wasm" }).click();
  await outcome(page, "Accepted");
  await page.locator(".detail-list .hash").getByText(second).waitFor();
});

test("a probation shows what is left of it, while other tabs are looked at, and can be ended by a roll-back", async (t) => {
  const page = await open(t, ["--probation-time=1h"]);
  const first = await running(page);
  await dropFile(
    page.locator(".file-drop"),
    "two.wasm",
    await otherVersion(built("thermostat.wasm"), "two"),
  );
  await page
    .locator(".stages .active")
    .getByText(/^3\d\d\d s and \d+ events? remaining\.$/)
    .waitFor();
  await page.locator(".card").getByText("On probation").first().waitFor();
  await tab(page, "Overview");
  await tab(page, "Component");
  await outcome(page, "In progress");
  await page.getByRole("button", { name: "Roll back…" }).click();
  await page.getByRole("dialog").getByRole("button", { name: "Roll back" }).click();
  await outcome(page, "Rolled back");
  await page.locator(".detail-list .hash").getByText(first).waitFor();
});

test("what the component takes stands beside what it may", async (t) => {
  const page = await open(t, ["--limit=memory=32MiB"]);
  await page
    .locator(".usage")
    .getByText(/^[\d.]+ [KM]iB of 32 MiB$/)
    .waitFor();
  await page
    .locator(".usage")
    .getByText(/^[\d.]+ m?s of 5 s$/)
    .waitFor();
  await waitForText(page, "No swap history");
  await page.getByText("All limits").click();
  await page.locator(".limits").getByText("Log lines per second").waitFor();
  await screenshot(page, "component-limits");
});

test("a file that is no component is refused in words", async (t) => {
  const page = await open(t, PROBATION, /400/);
  const first = await running(page);
  const choose = (name, text) =>
    page
      .locator("input[type=file]")
      .setInputFiles({ name, mimeType: "", buffer: Buffer.from(text, "latin1") });
  await choose("photo.wasm", "\x89PNG");
  await page
    .locator(".stages .failed")
    .getByText("Not a WebAssembly component: upload a .wasm file")
    .waitFor();
  await choose("half (2).wasm", "\0asm\x0d\0\x01\0half");
  await outcome(page, "Rejected");
  await page
    .locator(".stages .failed")
    .getByText("Cannot compile component half-2.wasm: ")
    .waitFor();
  await page
    .locator("ol.history li")
    .filter({ hasText: /Rejected.*half-2\.wasm.*cannot compile/ })
    .waitFor();
  // The path of the upload is not shown anywhere.
  for (const title of ["Component", "Overview", "Twin"]) {
    await tab(page, title);
    await page.locator("main .card").first().waitFor();
    assert.doesNotMatch(await page.locator("main").textContent(), /\/tmp|cloud-component/);
  }
  await tab(page, "Component");
  assert.equal(await running(page), first);
});

test("without a host beside the cloud there is no component to swap", async (t) => {
  const cloud = await Cloud.run(t, await directory(t));
  const page = await signIn(t, cloud, { expected: /404/ });
  await Device.connect(t, cloud, page, "t-1", "dtmi:com:example:Thermostat;1");
  await page.getByRole("link", { name: "t-1" }).click();
  await tab(page, "Twin");
  await page.locator("main .card").first().waitFor();
  assert.equal(await page.getByRole("link", { name: "Component" }).count(), 0);
  await page.goto(`${page.url().replace("twin", "component")}`);
  await waitForText(page, "The host of this device is not available");
});
