import assert from "node:assert/strict";
import { test } from "node:test";
import { Series } from "./series.ts";

const all = (series: Series) => [...series.between(-Infinity, Infinity)[0]];

test("a point that comes late finds its place", () => {
  const series = new Series();
  for (const at of [10, 30, 20, 5]) series.add(at, at * 2);
  assert.deepEqual(all(series), [5, 10, 20, 30]);
  assert.equal(series.last, 60);
});

test("the oldest points go when there are too many", () => {
  const series = new Series(100);
  for (let at = 0; at < 250; at++) series.add(at, at);
  assert.ok(series.length <= 100);
  assert.equal(all(series).at(-1), 249);
  assert.equal(all(series)[0], 250 - series.length);
});

test("a window has one point more on each side", () => {
  const series = new Series();
  for (let at = 0; at < 5000; at++) series.add(at, -at);
  assert.deepEqual([...series.between(10, 12)[0]], [10, 11, 12, 13]);
  assert.deepEqual([...series.between(9.5, 12)[1]], [-9, -10, -11, -12, -13]);
  assert.deepEqual([...series.between(9000, 9001)[0]], [4999]);
  assert.deepEqual([...new Series().between(0, 1)[0]], []);
});
