import assert from "node:assert/strict";
import { test } from "node:test";
import { signIn, tab, waitForText } from "../support/browser.js";
import { Cloud, directory } from "../support/cloud.js";
import { Device, register } from "../support/device.js";

/** Errors that the browser logs for an unknown model. */
const NO_SUCH_MODEL = /404|400/;

const SCRIPT =
  "<img src=x onerror=\"document.title='owned'\"><script>document.title='owned'</script>";
/** Device id with characters that URLs do not allow. */
const ID = "javascript:alert('%3Cb%3E'),=@$*!";
/** Device id with characters that are reserved in topics. */
const IDLE_ID = "a#b?c=%2F+d";

test("what a device says is shown, and never run", async (t) => {
  const cloud = await Cloud.run(t, await directory(t));
  const page = await signIn(t, cloud, { expected: NO_SUCH_MODEL });
  const device = await Device.connect(t, cloud, page, ID, SCRIPT.slice(0, 100));
  await device.send(JSON.stringify({ [SCRIPT]: SCRIPT, temperature: 21 }));
  await device.report({ shown: SCRIPT });
  const link = page.getByRole("link", { name: ID });
  await link.click();
  await page.getByRole("heading", { name: ID }).waitFor();
  await page.getByText(SCRIPT).first().waitFor();
  await waitForText(page, "(unknown model)");
  for (const title of ["Properties", "Twin", "Raw data"]) {
    await tab(page, title);
    await waitForText(page, "<script>document.title");
  }
  assert.match(await page.title(), /Raw data · Local cloud$/);
  assert.equal(await page.locator("img[src], main script").count(), 0);
  await page.reload();
  await page.getByRole("heading", { name: ID }).waitFor();
});

test("a device is found by its name, whatever it is called", async (t) => {
  const cloud = await Cloud.run(t, await directory(t));
  const page = await signIn(t, cloud);
  await register(page, IDLE_ID);
  await page.getByRole("link", { name: IDLE_ID }).click();
  await waitForText(page, "No model");
  await page.reload();
  await page.getByRole("heading", { name: IDLE_ID }).waitFor();
  await waitForText(page, "No model");
});

test("data that the model does not name or that breaks its schema is flagged, and so is a model nobody knows", async (t) => {
  const cloud = await Cloud.run(t, await directory(t));
  const page = await signIn(t, cloud, { expected: NO_SUCH_MODEL });
  const device = await Device.connect(t, cloud, page, "t-1", "dtmi:com:example:Thermostat;1");
  await device.send('{"temperature": "warm"}');
  await device.send('{"temperature": 21, "humidity": 40}');
  await device.send("\u0000not json");
  await page.getByRole("link", { name: "t-1" }).click();
  await tab(page, "Raw data");
  for (const remark of [
    "temperature must be a number",
    "humidity is not in the model",
    "body is not a JSON object, or its content type is not JSON",
  ]) {
    await waitForText(page, remark);
  }
  await page.getByRole("columnheader", { name: /humidity \(not in the model\)/ }).waitFor();

  const stranger = await Device.connect(t, cloud, page, "s-1", "dtmi:com:example:Nobody;1");
  await stranger.send('{"speed": 3}');
  await page.getByRole("link", { name: "Devices" }).click();
  await page.getByRole("link", { name: "s-1" }).click();
  await waitForText(page, "dtmi:com:example:Nobody;1 (unknown model)");
  await page
    .getByRole("button", { name: /^speed/ })
    .getByText("3")
    .waitFor();
});
