import assert from "node:assert/strict";
import { test } from "node:test";
import { request, signIn, tab, waitForText } from "../support/browser.js";
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

test("what IoT Central adds to a model is used: cloud properties, bounds, initial values, queued commands", async (t) => {
  const cloud = await Cloud.run(t, await directory(t));
  const page = await signIn(t, cloud);
  const id = "dtmi:test:Lock;1";
  const model = {
    "@context": ["dtmi:iotcentral:context;2", "dtmi:dtdl:context;2"],
    "@id": id,
    "@type": "Interface",
    contents: [
      { "@type": ["Property", "Cloud"], name: "owner", displayName: "Owner", schema: "string" },
      {
        "@type": ["Property", "Initialized", "NumberValue"],
        name: "delay",
        displayName: "Delay",
        schema: "double",
        writable: true,
        minValue: 1,
        maxValue: 9,
        decimalPlaces: 1,
        initialValue: 4,
      },
      {
        "@type": "Command",
        name: "lock",
        durable: true,
        request: {
          "@type": ["CommandPayload", "Initialized"],
          name: "code",
          schema: "integer",
          initialValue: 7,
        },
      },
    ],
  };
  await request(page, "PUT", `/api/models/${encodeURIComponent(id)}`, model);
  const device = await Device.connect(t, cloud, page, "lock-1", id);
  await device.report({ delay: 2.345 });

  await page.getByRole("link", { name: "lock-1" }).click();
  await tab(page, "Properties");
  const delay = page.locator("[data-property=delay]");
  await delay.locator(".reported", { hasText: "2.3" }).waitFor();
  const input = delay.getByLabel("Desired value (from 1 to 9)");
  assert.equal(await input.inputValue(), "4");
  await input.fill("10");
  await delay.getByRole("button", { name: "Set" }).click();
  await delay.getByText("Delay must be from 1 to 9.").waitFor();

  const owner = page.locator("[data-cloud-property=owner]");
  await owner.getByText("Not set").waitFor();
  await owner.getByLabel("Value").fill("Ada");
  await owner.getByRole("button", { name: "Set" }).click();
  await owner.locator(".reported", { hasText: "Ada" }).waitFor();
  const { json: twin } = await request(page, "GET", "/twins/lock-1?api-version=2021-04-12");
  assert.deepEqual(twin.tags, { cloudProperties: { owner: "Ada" } });
  assert.equal(twin.properties.desired.owner, undefined);

  await tab(page, "Commands");
  const lock = page.locator("[data-command=lock]");
  await lock.getByText("Queue if offline").waitFor();
  const sending = page.waitForRequest(/\/api\/devices\/lock-1\/messages$/);
  await lock.getByRole("button", { name: "Run" }).click();
  const { body, properties } = (await sending).postDataJSON();
  assert.deepEqual({ body, properties }, { body: 7, properties: { "method-name": "lock" } });
  await lock.getByText("Queued", { exact: true }).waitFor();
});
