import assert from "node:assert/strict";
import { test } from "node:test";
import type { JsonObject } from "../json.ts";
import { componentNames, propertyNames, propertyState } from "./propertyState.ts";
import { parseTwin } from "./twin.ts";

const REQUESTED = "2026-01-31T08:00:00.000Z";
const ACKNOWLEDGED = "2026-01-31T08:00:00.034Z";

/** Twin in which `target` was last set as version 7. */
function twin(desired: JsonObject, reported: JsonObject) {
  const requested = { $lastUpdated: REQUESTED, $lastUpdatedVersion: 7 };
  return parseTwin({
    deviceId: "t-1",
    properties: {
      desired: { ...desired, $version: 7, $metadata: { target: requested } },
      reported: { ...reported, $version: 2, $metadata: { target: { $lastUpdated: ACKNOWLEDGED } } },
    },
  });
}

test("a desired property is pending until its own version is acknowledged", () => {
  const before = propertyState(twin({ target: 21 }, {}), undefined, "target");
  assert.deepEqual(before.acknowledgment, { state: "pending", version: 7 });
  const older = propertyState(
    twin({ target: 21 }, { target: { value: 20, ac: 200, av: 6 } }),
    undefined,
    "target",
  );
  assert.deepEqual([older.reported, older.acknowledgment], [20, { state: "pending", version: 7 }]);
});

test("an acknowledgment says whether, by which version and how fast", () => {
  const acknowledged = (ac: number) =>
    twin({ target: 21 }, { target: { value: 21, ac, av: 7, ad: "because" } });
  const accepted = propertyState(acknowledged(200), undefined, "target").acknowledgment;
  assert.deepEqual(accepted, {
    state: "accepted",
    version: 7,
    code: 200,
    description: "because",
    latency: 34,
  });
  assert.equal(
    propertyState(acknowledged(400), undefined, "target").acknowledgment?.state,
    "rejected",
  );
});

test("the acknowledgment of a removed value is no value", () => {
  assert.equal(
    propertyState(twin({}, { target: { ac: 200, av: 7, ad: "done" } }), undefined, "target")
      .reported,
    undefined,
  );
});

test("what nobody desires has no acknowledgment", () => {
  assert.equal(propertyState(twin({}, { max: 30 }), undefined, "max").acknowledgment, undefined);
  assert.equal(propertyState(twin({}, { max: 30 }), undefined, "max").reported, 30);
});

test("components are told from properties that are objects", () => {
  const { reported } = twin({}, { thermostat1: { __t: "c", max: 1 }, place: { x: 1 } });
  assert.deepEqual(componentNames(reported), ["thermostat1"]);
  assert.deepEqual(propertyNames(reported, "thermostat1"), ["max"]);
});
