import assert from "node:assert/strict";
import { test } from "node:test";
import { Targets } from "./target.ts";

test("a target is what the device has accepted, acknowledged or not, and of a component", () => {
  const targets = new Targets();
  targets.applyReported({ target: { value: 20, ac: 200, av: 2 }, max: 30, name: "x" }, 1);
  targets.applyReported({ thermostat1: { __t: "c", target: { value: 25, ac: 200, av: 3 } } }, 2);
  assert.deepEqual(targets.of("target"), [{ at: 1, value: 20 }]);
  assert.deepEqual(targets.of("max"), [{ at: 1, value: 30 }]);
  assert.deepEqual(targets.of("thermostat1.target"), [{ at: 2, value: 25 }]);
  assert.deepEqual(targets.of("name"), []);
});

test("a target ends when it is removed, by who wanted it or by the device, and not when another is refused", () => {
  const targets = new Targets();
  targets.applyReported(
    { a: { value: 20, ac: 200, av: 2 }, b: 5, c: { value: 1, ac: 200, av: 2 } },
    1,
  );
  targets.applyReported({ a: { value: 999, ac: 400, av: 3 } }, 2);
  targets.applyDesired({ a: null, other: null, c: 2 }, 3);
  targets.applyReported({ a: { value: null, ac: 200, av: 4 }, b: null, c: { ac: 200, av: 4 } }, 4);
  targets.applyReported({ a: { value: 21, ac: 200, av: 5 } }, 5);
  assert.deepEqual(targets.of("a"), [
    { at: 1, value: 20 },
    { at: 3, value: undefined },
    { at: 5, value: 21 },
  ]);
  assert.deepEqual(targets.of("b"), [
    { at: 1, value: 5 },
    { at: 4, value: undefined },
  ]);
  assert.deepEqual(targets.of("c"), [
    { at: 1, value: 1 },
    { at: 4, value: undefined },
  ]);
  assert.deepEqual(targets.of("other"), []);
});
