import assert from "node:assert/strict";
import { readFile } from "node:fs/promises";
import { test } from "node:test";
import { signIn, tab, waitForText } from "../support/browser.js";
import { Cloud } from "../support/cloud.js";

test("the tutorial: telemetry, template and view, target, command and raw data of a thermostat", async (t) => {
  const cloud = await Cloud.withThermostat(t);
  const page = await signIn(t, cloud);

  await t.test("the device is there, connected, with its model and its data", async () => {
    const row = page.getByRole("row", { name: /thermostat-01/ });
    await row.getByText("Connected", { exact: true }).waitFor();
    await row.getByText("dtmi:com:example:Thermostat;1").waitFor();
    await row.getByText(/temperature \d/).waitFor();
    await row.getByRole("link", { name: "thermostat-01" }).click();
  });

  await t.test("the overview shows the temperature, and draws it", async () => {
    const tile = page.getByRole("button", { name: /^Temperature/ });
    await tile.getByText(/\d °C|\d°C/).waitFor();
    await page.getByRole("img", { name: "Temperature over time" }).locator("canvas").waitFor();
    await page.getByRole("button", { name: "Pause" }).click();
    await page.getByRole("button", { name: "Resume" }).click();
  });

  await t.test(
    "a view of everything is made in the template, published, and shown on the device",
    async () => {
      await page
        .getByRole("navigation", { name: "Sections" })
        .getByRole("link", { name: "Device templates" })
        .click();
      await page.getByRole("link", { name: "Thermostat" }).click();
      await page.getByRole("button", { name: "Generate default view" }).click();
      await page.getByRole("button", { name: "Publish" }).click();
      await waitForText(page, "Version 1 published");
      await page.getByRole("link", { name: "Open on thermostat-01" }).click();
      await page.locator(".view [data-capability=temperature]").getByText(/\d°C/).waitFor();
      await page.getByRole("img", { name: "Temperature over time" }).locator("canvas").waitFor();
      await page.locator(".view").getByRole("button", { name: "Set" }).waitFor();
      await page.locator(".view").getByRole("button", { name: "Run" }).waitFor();
    },
  );

  await t.test(
    "a target is accepted, and one out of range rejected with the device's reason",
    async () => {
      await tab(page, "Properties");
      const target = page.locator("[data-property=targetTemperature]");
      const set = async (value) => {
        await target.getByLabel("Desired value (°C)").fill(value);
        await target.getByRole("button", { name: "Set" }).click();
      };
      await set("23.5");
      await target.getByText(/Accepted v2 · 200 · \d+ (ms|s)/).waitFor();
      await set("warm");
      await target.getByText("Target temperature must be a number, such as 23.5.").waitFor();
      await set("999");
      await target.getByText(/Rejected v3 · 400/).waitFor();
      await target.getByText("out of range").waitFor();
      await tab(page, "Twin");
      await page.getByRole("row", { name: /targetTemperature 999 23.5 23.5 Rejected/ }).waitFor();
    },
  );

  await t.test("a command since a moment answers with a report, and can be run again", async () => {
    await tab(page, "Commands");
    const command = page.locator("[data-command=getMaxMinReport]");
    await command.getByRole("button", { name: "−5 min" }).click();
    await command.getByRole("button", { name: "Run" }).click();
    await command.getByText("Status 200").waitFor();
    await command.getByRole("row", { name: /Highest \d/ }).waitFor();
    const past = page.locator("table.history tbody tr");
    await past.first().getByRole("button", { name: "Run again" }).click();
    assert.notEqual(await command.getByLabel("Since").inputValue(), "");
    await command.getByRole("button", { name: "Run" }).click();
    await past.nth(1).waitFor();
  });

  await t.test("raw data is shown as it came, and exported", async () => {
    await tab(page, "Raw data");
    await page.getByRole("button", { name: "Telemetry" }).click();
    await page.getByRole("button", { name: "Pause" }).click();
    await page.locator("table.data tbody").getByRole("button").first().click();
    await waitForText(page, '"contentType"');
    await page.getByRole("button", { name: "Select columns" }).click();
    await page.getByRole("checkbox", { name: "Target temperature" }).uncheck();
    assert.equal(await page.getByRole("columnheader", { name: "Target temperature" }).count(), 0);
    for (const [name, pattern] of [
      ["CSV", /^sequence,.*\r\n.*,thermostat-01,/],
      ["NDJSON", /^\{.*"device":"thermostat-01"/],
    ]) {
      const download = page.waitForEvent("download");
      await page.getByRole("button", { name, exact: true }).click();
      assert.match(await readFile(await (await download).path(), "utf8"), pattern);
    }
  });
});
