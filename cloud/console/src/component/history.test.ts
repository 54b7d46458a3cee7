import assert from "node:assert/strict";
import { test } from "node:test";
import type { Entry } from "../cloud/host.ts";
import { details, head, toneOf } from "./history.ts";

const VERSION = { name: "thermostat", version: "0.2.0", sha256: "4403c5d2d6fc52732a703e74f6881641" };
const entry = (step: Entry["step"], more: Partial<Entry> = {}): Entry => (
  { step, time: "2026-11-26T03:25:55Z", source: "command", times: 1, version: VERSION, ...more }
);

test("a step says which version, who wanted it, and what it took", () => {
  const begun = entry("begun", { pauseMs: 0.25 });
  assert.deepEqual([head(begun), details(begun)], ["thermostat 0.2.0 · 4403c5d2", "asked for · pause 0.25 ms"]);
  const back = entry("rolled-back", { source: "host", instead: VERSION, undone: 3, reason: "it was stopped: unreachable" });
  assert.equal(details(back), "thermostat 0.2.0 · 4403c5d2 runs again · by the host itself · 3 calls undone · it was stopped: unreachable");
  assert.equal(details(entry("failed", { source: "host", times: 1200, reason: "no" })), "1,200 times in a row · no");
  assert.equal(details(entry("accepted")), "");
  assert.deepEqual([toneOf(begun), toneOf(back), toneOf(entry("accepted"))], ["accent", "bad", "good"]);
});

test("a file that could not be read is known by its name, and not by where it was on the way", () => {
  const { version: _, ...unread } = entry("refused", { file: "/tmp/cloud-component-4f/two.wasm" });
  assert.equal(head(unread), "two.wasm");
});
