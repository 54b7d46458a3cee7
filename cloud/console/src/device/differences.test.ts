import assert from "node:assert/strict";
import { test } from "node:test";
import { parseTwin } from "../api/twin.ts";
import { differences } from "./differences.ts";

const TWIN = parseTwin({
  deviceId: "t-1",
  properties: {
    desired: {
      same: 1, waiting: 2, other: 3, refused: 999, unknown: "x", inner: { __t: "c", same: true }, $version: 5,
      $metadata: { refused: { $lastUpdatedVersion: 4 }, unknown: { $lastUpdatedVersion: 4 } },
    },
    reported: {
      same: { value: 1, ac: 200, av: 5 }, other: 4, refused: { value: 20, ac: 400, av: 4 }, unknown: { value: "x", ac: 404, av: 4 }, max: 30, removed: { ac: 200, av: 5 },
      inner: { __t: "c", same: true }, host: { __t: "c", version: "1" }, $version: 7,
    },
  },
});

test("a property is told as each twin has it, and how they stand to each other", () => {
  const digital = { $dtId: "t-1", same: 1, max: 30, inner: { same: true, $metadata: {} }, host: { version: "1" } };
  const seen = differences(TWIN, digital).map(({ path, desired, reported, digital, status }) => [path, desired, reported, digital, status]);
  assert.deepEqual(seen, [
    ["same", 1, 1, 1, "the same"],
    ["waiting", 2, undefined, undefined, "not reported"],
    ["other", 3, 4, undefined, "differs"],
    ["refused", 999, 20, undefined, "rejected"],
    ["unknown", "x", "x", undefined, "rejected"],
    ["max", undefined, 30, 30, "only reported"],
    ["removed", undefined, undefined, undefined, "removed"],
    ["inner.same", true, true, true, "the same"],
    ["host.version", undefined, "1", "1", "only reported"],
  ]);
});

test("without a digital twin the two halves are told", () => {
  assert.deepEqual(differences(TWIN, undefined).map(({ digital }) => digital).filter((value) => value !== undefined), []);
});
