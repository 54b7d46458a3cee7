import assert from "node:assert/strict";
import { test } from "node:test";
import type { HistoryEntry } from "../api/host.ts";
import { entryDetails, entryTitle, entryTone } from "./history.ts";

const VERSION = {
  name: "thermostat",
  version: "0.2.0",
  sha256: "4403c5d2d6fc52732a703e74f6881641",
};
const entry = (step: HistoryEntry["step"], more: Partial<HistoryEntry> = {}): HistoryEntry => ({
  step,
  time: "2026-11-26T03:25:55Z",
  source: "command",
  count: 1,
  version: VERSION,
  ...more,
});

test("a step says which version, who wanted it, and what it took", () => {
  const started = entry("started", { pauseMs: 0.25 });
  assert.deepEqual(
    [entryTitle(started), entryDetails(started)],
    ["thermostat 0.2.0 · 4403c5d2", "requested · pause 0.25 ms"],
  );
  const back = entry("rolled-back", {
    source: "host",
    rolledBackTo: VERSION,
    undoneBatches: 3,
    droppedMessages: 1,
    redeliveredMessages: 2,
    reason: "it was stopped: unreachable",
  });
  assert.equal(
    entryDetails(back),
    "rolled back to thermostat 0.2.0 · 4403c5d2 · by the host · 3 batches undone · 1 queued message dropped · 2 cloud-to-device messages redelivered · it was stopped: unreachable",
  );
  assert.equal(
    entryDetails(entry("failed", { source: "host", count: 1200, reason: "no" })),
    "1,200 times in a row · no",
  );
  assert.equal(entryDetails(entry("accepted")), "");
  assert.deepEqual(
    [entryTone(started), entryTone(back), entryTone(entry("accepted"))],
    ["info", "danger", "success"],
  );
});

test("a file that could not be read is known by its name, and not by where it was on the way", () => {
  const { version: _, ...unread } = entry("rejected", { file: "/tmp/cloud-component-4f/two.wasm" });
  assert.equal(entryTitle(unread), "two.wasm");
});
