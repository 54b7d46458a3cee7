import assert from "node:assert/strict";
import { test } from "node:test";
import type { Tile } from "../api/templates.ts";
import { moveItem, replaceItem, resizeTile, uniqueName } from "./layout.ts";

const TILE: Tile = { kind: "value", shows: [{ name: "t" }], columns: 1, rows: 4 };

test("an item takes the place of another, and those between move up", () => {
  const list = ["a", "b", "c", "d"];
  assert.deepEqual(moveItem(list, 0, 2), ["b", "c", "a", "d"]);
  assert.deepEqual(moveItem(list, 3, 1), ["a", "d", "b", "c"]);
  assert.deepEqual(moveItem(list, 1, 1), list);
  assert.deepEqual(replaceItem(list, 1, "x"), ["a", "x", "c", "d"]);
  assert.deepEqual(replaceItem(list, 1), ["a", "c", "d"]);
});

test("a tile grows and shrinks within its view", () => {
  const size = (tile: Tile) => [tile.columns, tile.rows];
  assert.deepEqual(size(resizeTile(TILE, { columns: 1 })), [2, 4]);
  assert.deepEqual(size(resizeTile(TILE, { columns: -1 })), [1, 4]);
  assert.deepEqual(size(resizeTile(TILE, { rows: 1 })), [1, 4]);
  assert.deepEqual(size(resizeTile(TILE, { rows: -1 })), [1, 3]);
});

test("a new view gets a name that is free", () => {
  const views = ["View", "View 2"].map((name) => ({ name, tiles: [] }));
  assert.equal(uniqueName(views, "View"), "View 3");
  assert.equal(uniqueName(views, "Other"), "Other");
});
