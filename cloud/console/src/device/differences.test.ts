import assert from "node:assert/strict";
import { test } from "node:test";
import { parseTwin } from "../api/twin.ts";
import { differences } from "./differences.ts";

const TWIN = parseTwin({
  deviceId: "t-1",
  properties: {
    desired: {
      same: 1,
      waiting: 2,
      other: 3,
      refused: 999,
      unknown: "x",
      inner: { __t: "c", same: true },
      $version: 5,
      $metadata: { refused: { $lastUpdatedVersion: 4 }, unknown: { $lastUpdatedVersion: 4 } },
    },
    reported: {
      same: { value: 1, ac: 200, av: 5 },
      other: 4,
      refused: { value: 20, ac: 400, av: 4 },
      unknown: { value: "x", ac: 404, av: 4 },
      max: 30,
      removed: { ac: 200, av: 5 },
      inner: { __t: "c", same: true },
      host: { __t: "c", version: "1" },
      $version: 7,
    },
  },
});

test("a property is told as each twin has it, and how they stand to each other", () => {
  const digital = {
    $dtId: "t-1",
    same: 1,
    max: 30,
    inner: { same: true, $metadata: {} },
    host: { version: "1" },
  };
  const seen = differences(TWIN, digital).map(({ path, desired, reported, digital, status }) => [
    path,
    desired,
    reported,
    digital,
    status,
  ]);
  assert.deepEqual(seen, [
    ["same", 1, 1, 1, "In sync"],
    ["waiting", 2, undefined, undefined, "Not reported"],
    ["other", 3, 4, undefined, "Differs"],
    ["refused", 999, 20, undefined, "Rejected"],
    ["unknown", "x", "x", undefined, "Rejected"],
    ["max", undefined, 30, 30, "Reported only"],
    ["removed", undefined, undefined, undefined, "Removed"],
    ["inner.same", true, true, true, "In sync"],
    ["host.version", undefined, "1", "1", "Reported only"],
  ]);
});

test("without a digital twin the two halves are told", () => {
  assert.deepEqual(
    differences(TWIN, undefined)
      .map(({ digital }) => digital)
      .filter((value) => value !== undefined),
    [],
  );
});
