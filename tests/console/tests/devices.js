import assert from "node:assert/strict";
import { test } from "node:test";
import { request, screenshot, signIn, waitForText, waitForTextGone } from "../support/browser.js";
import { Cloud, directory } from "../support/cloud.js";
import { Device, register } from "../support/device.js";

test("a device is added, connected by what is copied, blocked, let in and deleted", async (t) => {
  const cloud = await Cloud.run(t, await directory(t));
  const page = await signIn(t, cloud, { expected: /404|409/ });
  await waitForText(page, "No devices");

  const add = async () => {
    await page.getByRole("button", { name: "Enroll a device" }).click();
    await page.getByLabel("Device ID", { exact: true }).fill("pump-1");
    await page.getByRole("button", { name: "Enroll", exact: true }).click();
  };
  await add();
  const dialog = page.getByRole("dialog");
  await dialog.getByText("SharedAccessKey=••••").waitFor();
  await dialog.getByRole("button", { name: "Copy connection string" }).click();
  await dialog.getByText("Copied").waitFor();
  const copied = await page.evaluate(() => navigator.clipboard.readText());
  assert.match(copied, /^HostName=localhost:\d+;DeviceId=pump-1;SharedAccessKey=[\w+/]{43}=$/);
  await dialog.getByLabel("Show the key").check();
  await dialog.getByText(copied).waitFor();
  await dialog.getByText(/export IOTHUB_DEVICE_DPS_ID_SCOPE=0ne\w+/).waitFor();
  await dialog.getByRole("button", { name: "Close" }).click();

  await add();
  await page
    .getByRole("alert")
    .getByText(/already/)
    .waitFor();
  await page.keyboard.press("Escape");

  const row = page.getByRole("row", { name: /pump-1/ });
  const choose = async (item) => {
    await row.getByRole("button", { name: "Actions for pump-1" }).click();
    await row.getByRole("button", { name: item }).click();
  };
  await row.getByText("Disconnected").waitFor();
  await choose("Block");
  await row.getByText("Blocked").waitFor();
  await choose("Unblock");
  await row.getByText("Disconnected").waitFor();
  await choose("Delete…");
  await page.getByRole("dialog").getByRole("button", { name: "Delete" }).click();
  await waitForText(page, "No devices");
});

test("a list of many devices is filtered by name and state", async (t) => {
  const cloud = await Cloud.run(t, await directory(t));
  // The cloud does not have the model.
  const page = await signIn(t, cloud, { expected: /404/ });
  await Device.connect(t, cloud, page, "pump-1", "dtmi:com:example:Pump;1");
  await Device.connect(t, cloud, page, "valve-1");
  const [pump, valve] = ["pump-1", "valve-1"].map((name) =>
    page.getByRole("row", { name: new RegExp(name) }),
  );
  await valve.getByText("Connected", { exact: true }).waitFor();
  await valve.getByText("No model").waitFor();
  const filter = page.getByRole("searchbox");
  await filter.fill("example:pump");
  await valve.waitFor({ state: "hidden" });
  await pump.getByRole("link", { name: "pump-1" }).click();
  await page.getByRole("heading", { name: "pump-1" }).waitFor();
  await page.goBack();
  await pump.waitFor();
  assert.equal(await filter.inputValue(), "example:pump", "what was looked for is found again");
  await filter.fill("");
  await valve.waitFor();
  await page.getByRole("button", { name: "Disconnected" }).click();
  await waitForText(page, "No matching devices");
  await page.getByRole("button", { name: "All", exact: true }).click();
  await waitForTextGone(page, "No matching devices");
});

test("a device that does not exist is said not to, until it does, and again when it is deleted", async (t) => {
  const cloud = await Cloud.run(t, await directory(t));
  const page = await signIn(t, cloud, { expected: /404/ });
  await page.goto(`${page.url()}d/nope`);
  await waitForText(page, "Device not found");
  assert.equal(await page.getByRole("navigation", { name: "Device" }).count(), 0);
  await screenshot(page, "device-missing");
  await register(page, "nope");
  await page.getByRole("heading", { name: "nope" }).waitFor();
  await request(page, "DELETE", "/devices/nope?api-version=2021-04-12");
  await waitForText(page, "Device not found");
  await page.getByRole("link", { name: "All devices" }).click();
  await waitForText(page, "No devices");
});

test("the longest name leaves what can be done with a device within reach, on a telephone too", async (t) => {
  const cloud = await Cloud.run(t, await directory(t));
  const page = await signIn(t, cloud, { viewport: { width: 390, height: 900 } });
  const longest = "thermostat".repeat(13).slice(0, 128);
  await register(page, longest);
  const actions = page.getByRole("button", { name: `Actions for ${longest}` });
  await actions.waitFor();
  for (const width of [390, 1440]) {
    await page.setViewportSize({ width, height: 900 });
    const box = await actions.boundingBox();
    assert.ok(box.x + box.width <= width, `${width}: ${JSON.stringify(box)}`);
    await screenshot(page, `devices-longest-${width}`);
  }
});
