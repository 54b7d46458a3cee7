import assert from "node:assert/strict";
import { test } from "node:test";
import { isFailedSwap, parseSwap, type Swap, swapLabel } from "./swap.ts";

const swap = (result: string) =>
  parseSwap({ host: { lastSwapResult: result, version: "1.2.0" } }, 0) as Swap;

test("a stored step of an earlier host has the present name", () => {
  assert.equal(swapLabel(swap("begun")), "Started 1.2.0");
  assert.equal(swapLabel(swap("refused")), "Rejected");
  assert.ok(isFailedSwap(swap("refused")));
  assert.equal(swap("accepted").result, "accepted");
});
