import assert from "node:assert/strict";
import { mkdir, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { test } from "node:test";
import { screenshot, signIn, tab, waitForText, waitForTextGone } from "../support/browser.js";
import { Cloud, directory } from "../support/cloud.js";
import { Device } from "../support/device.js";
import { dropFile } from "../support/fileDrop.js";
import { publishViews } from "../support/template.js";

const THERMOSTAT = "dtmi:com:example:Thermostat;1";
const KETTLE = "dtmi:com:example:Kettle;1";

const section = (page, name) =>
  page.getByRole("navigation", { name: "Sections" }).getByRole("link", { name });
const tiles = (page) => page.locator(".view-tile");
const status = (page, words) =>
  page.locator(".edit-bar").getByText(words, { exact: true }).waitFor();

const kettle = (schema) => ({
  "@context": "dtmi:dtdl:context;2",
  "@id": KETTLE,
  "@type": "Interface",
  displayName: "Kettle",
  contents: [
    {
      "@type": ["Telemetry", "Temperature"],
      name: "water",
      displayName: "Water",
      schema,
      unit: "degreeCelsius",
    },
  ],
});
const file = (name, text) => ({ name, mimeType: "application/json", buffer: Buffer.from(text) });

/** Opens the device template of a device that sends nothing on its own. */
async function openTemplate(t, { expected } = {}) {
  const dir = await directory(t);
  const cloud = await Cloud.run(t, dir);
  const page = await signIn(t, cloud, { expected });
  const device = await Device.connect(t, cloud, page, "t-1", THERMOSTAT);
  await section(page, "Device templates").click();
  await page.getByRole("link", { name: "Thermostat" }).click();
  await waitForText(page, "No views");
  return { dir, cloud, page, device };
}

async function addTile(page, kind, ...names) {
  await page.getByRole("button", { name: "Add tile" }).click();
  const dialog = page.getByRole("dialog");
  await dialog.getByRole("button", { name: kind, exact: true }).click();
  for (const name of names) await dialog.getByLabel(name).check();
  await screenshot(page, `template-tile-${kind.toLowerCase().replace(" ", "-")}`);
  await dialog.getByRole("button", { name: "Add", exact: true }).click();
}

/** Lists the tiles in order, with their sizes. */
const arrangement = (page) =>
  tiles(page).evaluateAll((all) =>
    all.map(({ dataset }) => `${dataset.kind} ${dataset.columns}x${dataset.rows}`),
  );

test("a view with the four kinds of tiles is arranged by keyboard, published, and used on the device", async (t) => {
  const cloud = await Cloud.withThermostat(t);
  const page = await signIn(t, cloud);
  await section(page, "Device templates").click();
  const row = page.getByRole("row", { name: /Thermostat dtmi:com:example:Thermostat;1 1 device/ });
  await row.getByText("Not published").waitFor();
  await row.getByRole("link", { name: "Thermostat" }).click();
  await page
    .getByRole("row", {
      name: /Target temperature targetTemperature Property \(writable\) double in °C/,
    })
    .waitFor();
  await page
    .getByRole("row", {
      name: /Report of temperatures getMaxMinReport Command request: dateTime, response: object/,
    })
    .waitFor();

  await page.getByRole("button", { name: "Empty view" }).click();
  await page.getByLabel("Name").fill("Kitchen");
  await addTile(page, "Line chart", "Temperature temperature");
  await addTile(page, "Last known value", "Temperature temperature", "Highest temperature");
  await addTile(page, "Property form", "Target temperature");
  await addTile(page, "Command", "Report of temperatures");
  await tiles(page)
    .nth(1)
    .getByText(/^\d+(\.\d+)?°C$/)
    .first()
    .waitFor();
  await waitForText(page, "Preview device: thermostat-01");

  // The focus stays on the button of the moved tile.
  await page.getByRole("button", { name: "Move forward: Temperature", exact: true }).focus();
  await page.keyboard.press("Enter");
  await page.keyboard.press("Enter");
  assert.deepEqual(await arrangement(page), [
    "value 1x1",
    "properties 2x1",
    "chart 3x2",
    "command 2x1",
  ]);
  await page.keyboard.press("Shift+Tab");
  await page.keyboard.press("Enter");
  await waitForText(page, "Moved Temperature to position 2 of 4.");
  await page.getByRole("button", { name: "Narrower: Temperature", exact: true }).press("Enter");
  await page.keyboard.press("Tab");
  await page.keyboard.press("Tab");
  await page.keyboard.press("Tab");
  await page.keyboard.press("Enter");
  assert.deepEqual(await arrangement(page), [
    "value 1x1",
    "chart 2x3",
    "properties 2x1",
    "command 2x1",
  ]);
  await page.getByRole("button", { name: "Edit Target temperature" }).click();
  await page.getByRole("dialog").getByLabel("Title").fill("What it aims for");
  await page.getByRole("dialog").getByRole("button", { name: "Update", exact: true }).click();

  await status(page, "Unsaved changes");
  await page.getByRole("button", { name: "Save" }).click();
  await status(page, "Draft saved");
  await page.getByRole("button", { name: "Publish" }).click();
  await status(page, "Version 1 published");
  await screenshot(page, "template-arranged");

  await page.getByRole("link", { name: "Open on thermostat-01" }).click();
  assert.equal(new URL(page.url()).pathname, "/console/d/thermostat-01/view/Kitchen");
  await page.reload();
  await page
    .getByRole("navigation", { name: "Device" })
    .locator("[aria-current]")
    .getByText("Kitchen")
    .waitFor();
  assert.deepEqual(await arrangement(page), [
    "value 1x1",
    "chart 2x3",
    "properties 2x1",
    "command 2x1",
  ]);
  await tiles(page)
    .nth(0)
    .getByText(/^\d+(\.\d+)?°C$/)
    .first()
    .waitFor();
  await page.getByRole("img", { name: "Temperature over time" }).locator("canvas").waitFor();
  const form = tiles(page).nth(2);
  await form.getByRole("heading", { name: "What it aims for" }).waitFor();
  await form.getByLabel("Desired value (°C)").fill("23.5");
  await form.getByRole("button", { name: "Set" }).click();
  await form.getByText(/Accepted v2 · 200/).waitFor();
  await page.getByRole("button", { name: "−5 min" }).click();
  await page.getByRole("button", { name: "Run" }).click();
  await page.getByText("Status 200").waitFor();
  await page.getByRole("row", { name: /Highest \d/ }).waitFor();
  await screenshot(page, "view-used");

  await section(page, "Device templates").click();
  await row.getByText("Version 1").waitFor();
  await row.getByText("No changes").waitFor();
});

test("a tile is dragged to the place of another, removed, and restored from the published version", async (t) => {
  const { page } = await openTemplate(t);
  await page.getByRole("button", { name: "Generate default view" }).click();
  const whole = ["value 1x1", "chart 3x2", "value 1x1", "properties 2x1", "command 2x1"];
  assert.deepEqual(await arrangement(page), whole);
  await page.getByRole("button", { name: "Publish" }).click();
  await status(page, "Version 1 published");
  await tiles(page).nth(4).dragTo(tiles(page).nth(0));
  assert.deepEqual(await arrangement(page), ["command 2x1", ...whole.slice(0, 4)]);
  // The focus passes to the next tile.
  await page.getByRole("button", { name: "Remove Target temperature" }).press("Enter");
  await page
    .locator(":focus")
    .and(page.getByRole("button", { name: /^Remove Highest temperature/ }))
    .waitFor();
  assert.deepEqual(await arrangement(page), ["command 2x1", ...whole.slice(0, 3)]);
  await page.getByRole("button", { name: "Publish" }).click();
  await status(page, "Version 2 published");
  await page.getByRole("button", { name: "Copy version 1 to draft" }).click();
  assert.deepEqual(await arrangement(page), whole);
  await status(page, "Unsaved changes");
});

test("what the cloud refuses is told, and whoever leaves with unsaved changes is asked", async (t) => {
  const { page } = await openTemplate(t, { expected: /400/ });
  const before = page.url();
  await page.getByRole("button", { name: "Empty view" }).click();
  await page.getByLabel("Name").fill(" ");
  await page.getByRole("button", { name: "Save" }).click();
  await page.getByRole("alert").getByText("a view needs a name").waitFor();
  const dialog = page.getByRole("dialog");
  await section(page, "Devices").click();
  await dialog.getByRole("button", { name: "Stay" }).click();
  await page.goBack();
  await dialog.getByRole("button", { name: "Stay" }).click();
  assert.equal(page.url(), before);
  await page.getByLabel("Name").waitFor();
  await page.goBack();
  await dialog.getByRole("button", { name: "Leave" }).click();
  await page.getByRole("heading", { name: "Device templates" }).waitFor();
  await page.getByRole("link", { name: "Thermostat" }).click();
  await waitForText(page, "No views");
  await section(page, "Devices").click();
  await page.getByRole("heading", { name: "Devices" }).waitFor();
});

test("whoever saves what somebody else has changed meanwhile is told, and chooses whose stays", async (t) => {
  const { page } = await openTemplate(t, { expected: /412|409/ });
  const other = await page.context().newPage();
  await other.goto(page.url());
  const make = async (of, name) => {
    await of.getByRole("button", { name: "Empty view" }).click();
    await of.getByLabel("Name").fill(name);
    await of.getByRole("button", { name: "Save" }).click();
  };
  await make(page, "Mine");
  await status(page, "Draft saved");
  await make(other, "Theirs");
  const notice = other
    .getByRole("alert")
    .filter({ hasText: "This template was changed in another session" });
  await notice.waitFor();
  await screenshot(other, "template-conflict");
  await notice.getByRole("button", { name: "Overwrite" }).click();
  await status(other, "Draft saved");
  assert.equal(await notice.count(), 0);

  await page.getByLabel("Name").fill("Mine again");
  await page.getByRole("button", { name: "Publish" }).click();
  await page.getByRole("alert").getByRole("button", { name: "Discard my changes" }).click();
  await page.getByRole("button", { name: "Theirs", exact: true }).waitFor();
  await waitForTextGone(page, "This template was changed in another session");
  await page.getByRole("button", { name: "Publish" }).click();
  await status(page, "Version 1 published");
});

test("a template, what is published of it and a model that was added survive a restart", async (t) => {
  const { dir, cloud, page } = await openTemplate(t, { expected: /ERR_|401|404/ });
  await page.getByRole("button", { name: "Generate default view" }).click();
  await page.getByRole("button", { name: "Publish" }).click();
  await status(page, "Version 1 published");
  await page.getByLabel("Name").fill("Renamed");
  await page.getByRole("button", { name: "Save" }).click();
  await status(page, "Draft saved");
  await Device.connect(t, cloud, page, "k-1", KETTLE);
  await section(page, "Device templates").click();
  await page
    .locator("input[type=file]")
    .setInputFiles(file("kettle.json", JSON.stringify(kettle("double"))));
  await page.getByRole("link", { name: "Kettle" }).waitFor();
  await cloud.process.end();

  const again = await signIn(t, await Cloud.run(t, dir));
  await again.getByRole("link", { name: "t-1" }).click();
  await tab(again, "Default view");
  await again.getByRole("heading", { name: "Report of temperatures" }).waitFor();
  await section(again, "Device templates").click();
  await again.getByRole("link", { name: "Kettle" }).waitFor();
  await again
    .getByRole("row", { name: /Thermostat/ })
    .getByText("Unpublished changes")
    .waitFor();
  await again.getByRole("link", { name: "Thermostat" }).click();
  await again.getByRole("button", { name: "Renamed" }).waitFor();
});

test("a model nobody knows is told of, taken as DTDL, and refused in words that say where it is wrong", async (t) => {
  const cloud = await Cloud.run(t, await directory(t));
  const page = await signIn(t, cloud, { expected: /400|404/ });
  await section(page, "Device templates").click();
  await waitForText(page, "No device templates");
  const device = await Device.connect(t, cloud, page, "k-1", KETTLE);
  await device.send('{"water": 96}');
  const unknown = page.getByRole("region", { name: `Unknown model ${KETTLE}` });
  await unknown.getByText("Announced by 1 device.").waitFor();
  const choose = (name, text) =>
    unknown.locator("input[type=file]").setInputFiles(file(name, text));
  await choose("photo.json", "\x89PNG");
  await unknown
    .getByRole("alert")
    .getByText(/Cannot upload photo\.json: not valid JSON: /)
    .waitFor();
  await choose("kettle.json", JSON.stringify(kettle("warm")));
  await unknown
    .getByRole("alert")
    .getByText(/Cannot upload kettle\.json: .*\/contents\/0\/schema/)
    .waitFor();
  await screenshot(page, "templates-unknown");
  await dropFile(
    unknown.locator(".file-drop"),
    "kettle.json",
    Buffer.from(JSON.stringify(kettle("double"))),
  );
  await page
    .getByRole("row", { name: /Kettle dtmi:com:example:Kettle;1 1 device Not published/ })
    .waitFor();
  await unknown.waitFor({ state: "hidden" });

  const lid = await Device.connect(t, cloud, page, "l-1", "dtmi:com:example:Lid;1");
  await lid.send('{"water": 96}');
  await section(page, "Devices").click();
  await page.getByRole("link", { name: "l-1" }).click();
  await waitForText(page, "dtmi:com:example:Lid;1 (unknown model)");
  await screenshot(page, "overview-unknown");
  await page.locator("input[type=file]").setInputFiles(
    file(
      "lid.json",
      JSON.stringify({
        ...kettle("double"),
        "@id": "dtmi:com:example:Lid;1",
        displayName: "Lid",
      }),
    ),
  );
  await waitForText(page, "Lid · dtmi:com:example:Lid;1");
  await page
    .getByRole("button", { name: /^Water/ })
    .getByText("96°C")
    .waitFor();
  assert.equal(await page.locator(".file-drop").count(), 0);
});

test("a file of the directory of models that cannot be used is named with the reason", async (t) => {
  const dir = await directory(t);
  await mkdir(join(dir, "models/dtmi"), { recursive: true });
  await writeFile(join(dir, "models/dtmi/kettle-1.json"), JSON.stringify(kettle("warm")));
  const cloud = await Cloud.run(t, dir, undefined, ["--models", join(dir, "models")]);
  const page = await signIn(t, cloud);
  await section(page, "Device templates").click();
  await waitForText(page, "1 model file cannot be loaded");
  await waitForText(page, /kettle-1\.json.*\/contents\/0\/schema/);
});

test("while the cloud reads models the list says so, and is complete at the end", async (t) => {
  const cloud = await Cloud.run(t, await directory(t));
  const page = await signIn(t, cloud);
  await Device.connect(t, cloud, page, "k-1", KETTLE);
  let isPending = true;
  await page.route("**/api/models", async (route) => {
    const response = await route.fetch();
    const listing = await response.json();
    await route.fulfill({ response, json: { ...listing, pending: isPending } });
  });
  await section(page, "Device templates").click();
  await waitForText(page, /reading the directory of models: 4 models so far/);
  const unknown = page.getByRole("region", { name: `Unknown model ${KETTLE}` });
  assert.equal(await unknown.count(), 0);
  isPending = false;
  await unknown.waitFor();
  await waitForTextGone(page, /reading the directory of models/);
});

test("a tile says when the model has no more what it shows", async (t) => {
  const cloud = await Cloud.run(t, await directory(t));
  const page = await signIn(t, cloud, { expected: /404/ });
  await Device.connect(t, cloud, page, "t-1", THERMOSTAT);
  const shows = [{ name: "temperature" }, { name: "steam" }];
  const tile = (kind) => ({ kind, shows, columns: 1, rows: 1 });
  await publishViews(page, THERMOSTAT, [
    { name: "Old & <b>", tiles: ["value", "chart", "properties", "command"].map(tile) },
  ]);
  await page.getByRole("link", { name: "t-1" }).click();
  await tab(page, "Old & <b>");
  for (const noun of ["capability", "numeric telemetry", "property", "command"])
    await waitForText(page, `The model no longer has the ${noun} steam.`);
  await page.goto(page.url().replace(/view\/.*/, "view/Other"));
  await waitForText(page, "View not found: Other");
});
