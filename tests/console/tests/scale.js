import assert from "node:assert/strict";
import { test } from "node:test";
import { setTimeout as pause } from "node:timers/promises";
import { openPage, signIn, tab, waitForText } from "../support/browser.js";
import { Cloud, directory } from "../support/cloud.js";
import { Device, registerAll } from "../support/device.js";

const DEVICES = 1000;
/** Devices per page. */
const PAGE_SIZE = 50;
/**
 * Tab stops from the filter to the first device: four states, two pager buttons, and the device.
 */
const STOPS = 7;

/** Milliseconds a slow response takes: longer than the interval between two requests. */
const SLOW = 1000;

const MESSAGES = 100_000;
/** Milliseconds between two messages; all of them span two hours. */
const SPACING = 72;
/** Message with another level. */
const OUTLIER = 70_000;
const MINUTE = 60_000;

test("a thousand devices are listed a part at a time, found by name, and reached by keyboard", async (t) => {
  const cloud = await Cloud.run(t, await directory(t));
  const page = await signIn(t, cloud);
  const name = (number) => `pump-${String(number).padStart(4, "0")}`;
  await registerAll(
    page,
    Array.from({ length: DEVICES }, (_, number) => name(number)),
  );
  const rows = page.locator("table.devices tbody tr");
  const rowsAre = (count) =>
    page.waitForFunction(
      (count) => document.querySelectorAll("table.devices tbody tr").length === count,
      count,
    );
  const names = () => page.locator("table.devices tbody th").allInnerTexts();
  const filter = page.getByRole("searchbox");

  await t.test("a part of them is shown, and all are counted", async () => {
    await waitForText(page, "1,000 devices, 0 connected");
    await waitForText(page, "1–50 of 1,000");
    await rowsAre(PAGE_SIZE);
  });

  await t.test("one of them is found by its name, wherever it is", async () => {
    await filter.fill("0777");
    await waitForText(page, "1–1 of 1");
    assert.match(await rows.innerText(), /^pump-0777\b/);
    await filter.fill("");
    await rowsAre(PAGE_SIZE);
  });

  await t.test("the keyboard turns to every one of them, and stays at the end", async () => {
    const found = new Set(await names());
    const next = page.getByRole("button", { name: "Next" });
    await next.focus();
    for (let shown = PAGE_SIZE; shown < DEVICES; shown += PAGE_SIZE) {
      await page.keyboard.press("Enter");
      await waitForText(
        page,
        `${(shown + 1).toLocaleString("en")}–${(shown + PAGE_SIZE).toLocaleString("en")} of 1,000`,
      );
      for (const name of await names()) found.add(name);
    }
    assert.equal(found.size, DEVICES);
    await page.keyboard.press("Enter");
    assert.equal(await page.evaluate(() => document.activeElement?.textContent), "Next");
    await rows.last().getByText("pump-0999").waitFor();
  });

  await t.test("a filter begins at its first device, to which the keyboard leads", async () => {
    await filter.press("4");
    await page.keyboard.press("2");
    await waitForText(page, "1–20 of 20");
    for (let stop = 0; stop < STOPS; stop++) await page.keyboard.press("Tab");
    assert.equal(await page.evaluate(() => document.activeElement?.textContent), "pump-0042");
    await page.keyboard.press("Enter");
    await page.getByRole("heading", { name: "pump-0042" }).waitFor();
  });
});

test("the list is shown although another device comes before each answer", async (t) => {
  const cloud = await Cloud.run(t, await directory(t));
  const page = await openPage(t);
  let asked = 0;
  await page.route("**/devices/query?*", async (route) => {
    asked += 1;
    await registerAll(page, [`pump-${asked}`]);
    await pause(SLOW);
    await route.continue();
  });
  await page.goto(await cloud.link());
  await waitForText(page, "pump-1");
  await waitForText(page, "pump-2");
  await page.unrouteAll({ behavior: "ignoreErrors" });
});

test("a hundred thousand points of a device are drawn, and whatever stretch of them is chosen", async (t) => {
  const cloud = await Cloud.run(t, await directory(t));
  const page = await signIn(t, cloud);
  const device = await Device.connect(t, cloud, page, "pump-1");
  const startedAt = Date.now() - MESSAGES * SPACING;
  const createdAt = (count) => startedAt + count * SPACING;
  const messages = Array.from({ length: MESSAGES }, (_, index) => {
    const count = index + 1;
    return { created: createdAt(count), body: { count, level: count === OUTLIER ? 100 : 20 } };
  });
  const list = page.url();
  // The page is closed while they are sent.
  await page.goto("about:blank");
  await device.sendAll(messages);
  await page.goto(list);
  await page.getByRole("link", { name: "pump-1" }).click();
  const tile = (name, value) =>
    page.getByRole("button", { name: new RegExp(`^${name}\\s*${value}\\b`) });
  await tile("count", MESSAGES).waitFor();
  const send = async (count) => {
    await device.send(JSON.stringify({ count, level: 20 }));
    await tile("count", count).waitFor();
  };
  const choose = (range) => page.getByRole("button", { name: range, exact: true }).click();

  await t.test(
    "the oldest and the newest of them are where they belong, in every range",
    async () => {
      for (const [range, length] of [
        ["10 min", 10 * MINUTE],
        ["1 h", 60 * MINUTE],
        ["All", Infinity],
      ]) {
        const before = Date.now();
        await choose(range);
        const oldest = await reading(page, "left");
        const after = Date.now();
        assert.equal(oldest.clock, clock(createdAt(oldest.value)));
        const [from, to] = [before, after].map((now) => Math.max(now - length, startedAt));
        // A few pixels at the edge are several seconds each.
        const near = (after - from) / 200;
        const at = createdAt(oldest.value);
        assert.ok(
          at > from - near && at < to + near,
          `${range}: ${oldest.value} at ${oldest.clock}`,
        );
        const newest = await reading(page, "right");
        assert.ok(
          createdAt(newest.value) > createdAt(MESSAGES) - near,
          `${range}: ${newest.value} at ${newest.clock}`,
        );
      }
      await send(MESSAGES + 1);
      await choose("1 min");
      assert.equal((await reading(page, "right")).value, MESSAGES + 1);
    },
  );

  await t.test("one among all of them is seen", async () => {
    await tile("level", 20).click();
    await choose("All");
    await page.waitForFunction(isDrawnHigh);
  });

  await t.test("what is paused stays while more comes, and goes on after it", async () => {
    await tile("count", MESSAGES + 1).click();
    await choose("1 min");
    await page.getByRole("button", { name: "Pause" }).click();
    const paused = await drawn(page);
    await send(MESSAGES + 2);
    assert.equal(await drawn(page), paused);
    await page.getByRole("button", { name: "Resume" }).click();
    assert.equal((await reading(page, "right")).value, MESSAGES + 2);
  });

  await t.test("the newest of them can be read as they came", async () => {
    await tab(page, "Raw data");
    const rows = page.locator("table.data tbody tr");
    await page.getByRole("button", { name: "Telemetry" }).click();
    await rows
      .first()
      .getByText(String(MESSAGES + 2))
      .waitFor();
    await rows.first().getByRole("button").click();
    await waitForText(page, '"application/json"');
    await page.getByRole("button", { name: "Show older" }).click();
    await rows.getByText(String(MESSAGES - 80), { exact: true }).waitFor();
    await device.send(JSON.stringify({ count: MESSAGES + 3, level: 20 }));
    await rows
      .first()
      .getByText(String(MESSAGES + 3))
      .waitFor();
  });
});

/** Returns the reading of the chart at one of its sides. */
async function reading(page, side) {
  const plot = page.locator(".plot .u-over");
  const { width, height } = await plot.boundingBox();
  await plot.hover({ position: { x: side === "left" ? 1 : width - 2, y: height / 2 } });
  const text = await page.locator(".chart .reading").getByText(/:/).innerText();
  const [, clock, value] = /([\d:.]+)\s+(\d+)\s*$/.exec(text);
  return { clock, value: Number(value) };
}

/** Formats a time of day as the chart does. */
function clock(at) {
  const time = new Date(at);
  return `${time.toTimeString().slice(0, 8)}.${String(time.getMilliseconds()).padStart(3, "0")}`;
}

/** Returns the chart as an image, without a cursor. */
async function drawn(page) {
  await page.mouse.move(0, 0);
  return page.locator(".plot canvas").evaluate((canvas) => canvas.toDataURL());
}

/** Runs in the page: returns true if the line reaches the upper quarter of the chart. */
function isDrawnHigh() {
  const canvas = document.querySelector(".plot canvas");
  const [red, green, blue] = getComputedStyle(document.documentElement)
    .getPropertyValue("--chart-line")
    .match(/\d+/g)
    .map(Number);
  const { data } = canvas.getContext("2d").getImageData(0, 0, canvas.width, canvas.height / 4);
  for (let at = 0; at < data.length; at += 4) {
    if (
      Math.abs(data[at] - red) + Math.abs(data[at + 1] - green) + Math.abs(data[at + 2] - blue) <
      30
    )
      return true;
  }
  return false;
}
