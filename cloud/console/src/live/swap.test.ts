import assert from "node:assert/strict";
import { test } from "node:test";
import { isFailedSwap, parseSwap, swapLabel } from "./swap.ts";

function swap(result: string) {
  const parsed = parseSwap({ host: { lastSwapResult: result, version: "1.2.0" } }, 0);
  assert(parsed);
  return parsed;
}

test("a stored step of an earlier host has the present name", () => {
  assert.equal(swapLabel(swap("begun")), "Started 1.2.0");
  assert.equal(swapLabel(swap("refused")), "Rejected");
  assert(isFailedSwap(swap("refused")));
  assert.equal(swap("accepted").result, "accepted");
});
