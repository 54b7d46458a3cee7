import assert from "node:assert/strict";
import { test } from "node:test";
import { OutboxLog } from "./outbox.ts";

const outbox = (evicted: number, deadLettered = 0) => ({
  messages: 1,
  oldestAgeMs: null,
  evicted,
  deadLettered,
});

test("what was given up is what was counted between two moments, and no more than all of it before anybody looked", () => {
  const log = new OutboxLog();
  assert.equal(log.lostBetween(0), undefined);
  log.record(outbox(2), 100);
  log.record(outbox(2), 200);
  log.record(outbox(5, 1), 300);
  assert.deepEqual(log.lostBetween(150), { messages: 4, isExact: true });
  assert.deepEqual(log.lostBetween(150, 250), { messages: 0, isExact: true });
  assert.deepEqual(log.lostBetween(300), { messages: 0, isExact: true });
  assert.deepEqual(log.lostBetween(50, 250), { messages: 2, isExact: false });
  assert.deepEqual(log.lostBetween(10, 20), { messages: 2, isExact: false });
  assert.deepEqual(log.latest, outbox(5, 1));
  log.markUnavailable();
  assert.equal(log.latest, undefined);
  assert.deepEqual(log.lostBetween(150), { messages: 4, isExact: true });
});

test("a device that had never given anything up had lost nothing, whenever that was", () => {
  const log = new OutboxLog();
  log.record(outbox(0), 100);
  assert.deepEqual(log.lostBetween(50, 60), { messages: 0, isExact: true });
  log.record(outbox(3), 200);
  assert.deepEqual(log.lostBetween(50), { messages: 3, isExact: true });
  assert.deepEqual(log.lostBetween(50, 60), { messages: 0, isExact: true });
});
