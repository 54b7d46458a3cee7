import assert from "node:assert/strict";
import { test } from "node:test";
import { replacement } from "./twin.ts";

test("a replaced object loses the members that are gone", () => {
  assert.deepEqual(replacement({ a: 1, b: { c: 1, d: 2 } }, { b: { c: 3 }, e: 4 }), {
    a: null,
    b: { c: 3, d: null },
    e: 4,
  });
  assert.equal(replacement({ a: 1 }, 5), 5);
  assert.deepEqual(replacement(undefined, { a: 1 }), { a: 1 });
});
