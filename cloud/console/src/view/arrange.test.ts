import assert from "node:assert/strict";
import { test } from "node:test";
import type { Tile } from "../cloud/templates.ts";
import { freeName, moved, replaced, resized } from "./arrange.ts";

const TILE: Tile = { kind: "value", shows: [{ name: "t" }], columns: 1, rows: 4 };

test("an item takes the place of another, and those between move up", () => {
  const list = ["a", "b", "c", "d"];
  assert.deepEqual(moved(list, 0, 2), ["b", "c", "a", "d"]);
  assert.deepEqual(moved(list, 3, 1), ["a", "d", "b", "c"]);
  assert.deepEqual(moved(list, 1, 1), list);
  assert.deepEqual(replaced(list, 1, "x"), ["a", "x", "c", "d"]);
  assert.deepEqual(replaced(list, 1), ["a", "c", "d"]);
});

test("a tile grows and shrinks within its view", () => {
  const size = (tile: Tile) => [tile.columns, tile.rows];
  assert.deepEqual(size(resized(TILE, { columns: 1 })), [2, 4]);
  assert.deepEqual(size(resized(TILE, { columns: -1 })), [1, 4]);
  assert.deepEqual(size(resized(TILE, { rows: 1 })), [1, 4]);
  assert.deepEqual(size(resized(TILE, { rows: -1 })), [1, 3]);
});

test("a new view gets a name that is free", () => {
  const views = ["View", "View 2"].map((name) => ({ name, tiles: [] }));
  assert.equal(freeName(views, "View"), "View 3");
  assert.equal(freeName(views, "Other"), "Other");
});
