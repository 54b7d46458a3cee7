import assert from "node:assert/strict";
import { test } from "node:test";
import { signIn } from "../support/browser.js";
import { Cloud } from "../support/cloud.js";

/** Records the drawn time labels with their right ends, and the end of the dashed target line. */
function watch() {
  window.drawn = { labels: [], target: undefined };
  const canvas = CanvasRenderingContext2D.prototype;
  const { fillText, lineTo, beginPath } = canvas;
  let right;
  canvas.fillText = function (text, x, y) {
    const width = this.measureText(text).width;
    const end = this.textAlign === "center" ? x + width / 2 : x;
    if (/^\d\d:\d\d:\d\d$/.test(text))
      window.drawn.labels.push({ text, end, room: this.canvas.width });
    return fillText.call(this, text, x, y);
  };
  canvas.beginPath = function () {
    right = undefined;
    return beginPath.call(this);
  };
  canvas.lineTo = function (x, y) {
    right = Math.max(right ?? 0, x);
    if (this.getLineDash()[0] > 4) window.drawn.target = { end: right, room: this.canvas.width };
    return lineTo.call(this, x, y);
  };
}

test("every time below the chart is drawn whole, also the one at its right end", async (t) => {
  const cloud = await Cloud.withThermostat(t);
  const page = await signIn(t, cloud);
  await page.addInitScript(watch);
  // At a full minute the right end has a label.
  await page.clock.setFixedTime(Math.floor(Date.now() / 60_000) * 60_000);
  await page.goto(`${page.url()}d/thermostat-01`);
  await page.waitForFunction(() => window.drawn.labels.some(({ text }) => text.endsWith(":00")));
  const cut = await page.evaluate(() => window.drawn.labels.filter(({ end, room }) => end > room));
  assert.deepEqual(cut, []);
});

test("the line of the target ends where the target is removed", async (t) => {
  const cloud = await Cloud.withThermostat(t);
  const page = await signIn(t, cloud);
  await page.addInitScript(watch);
  await page.goto(`${page.url()}d/thermostat-01`);
  await cloud.cli("set", "targetTemperature", "23.5");
  const goesOn = () =>
    window.drawn.target && window.drawn.target.room - window.drawn.target.end < 40;
  await page.waitForFunction(goesOn);
  await cloud.cli("set", "targetTemperature", "null");
  await page.waitForFunction(() => window.drawn.target.room - window.drawn.target.end > 60);
});
