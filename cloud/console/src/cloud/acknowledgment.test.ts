import assert from "node:assert/strict";
import { test } from "node:test";
import type { JsonObject } from "../json.ts";
import { components, names, standing } from "./acknowledgment.ts";
import { readTwin } from "./twin.ts";

const ASKED = "2026-01-31T08:00:00.000Z";
const ANSWERED = "2026-01-31T08:00:00.034Z";

/** A twin in which `target` was last set as version 7. */
function twin(desired: JsonObject, reported: JsonObject) {
  const asked = { $lastUpdated: ASKED, $lastUpdatedVersion: 7 };
  return readTwin({
    deviceId: "t-1",
    properties: {
      desired: { ...desired, $version: 7, $metadata: { target: asked } },
      reported: { ...reported, $version: 2, $metadata: { target: { $lastUpdated: ANSWERED } } },
    },
  });
}

test("a desired property is pending until its own version is acknowledged", () => {
  const before = standing(twin({ target: 21 }, {}), undefined, "target");
  assert.deepEqual(before.acknowledgment, { state: "pending", version: 7 });
  const older = standing(twin({ target: 21 }, { target: { value: 20, ac: 200, av: 6 } }), undefined, "target");
  assert.deepEqual([older.reported, older.acknowledgment], [20, { state: "pending", version: 7 }]);
});

test("an acknowledgment says whether, by which version and how fast", () => {
  const answer = (ac: number) => twin({ target: 21 }, { target: { value: 21, ac, av: 7, ad: "because" } });
  const accepted = standing(answer(200), undefined, "target").acknowledgment;
  assert.deepEqual(accepted, { state: "accepted", version: 7, code: 200, why: "because", took: 34 });
  assert.equal(standing(answer(400), undefined, "target").acknowledgment?.state, "rejected");
});

test("the acknowledgment of a removed value is no value", () => {
  assert.equal(standing(twin({}, { target: { ac: 200, av: 7, ad: "done" } }), undefined, "target").reported, undefined);
});

test("what nobody desires has no acknowledgment", () => {
  assert.equal(standing(twin({}, { max: 30 }), undefined, "max").acknowledgment, undefined);
  assert.equal(standing(twin({}, { max: 30 }), undefined, "max").reported, 30);
});

test("components are told from properties that are objects", () => {
  const { reported } = twin({}, { thermostat1: { __t: "c", max: 1 }, place: { x: 1 } });
  assert.deepEqual(components(reported), ["thermostat1"]);
  assert.deepEqual(names(reported, "thermostat1"), ["max"]);
});
