import assert from "node:assert/strict";
import { test } from "node:test";
import { DeviceLog } from "./deviceLog.ts";
import type { CloudEvent } from "./event.ts";

let sequence = 0;

function event(type: string, second: number, more: object): CloudEvent {
  sequence += 1;
  const enqueued = new Date(second * 1000).toISOString();
  return { sequence, device: "t-1", type, enqueued, ...more } as unknown as CloudEvent;
}

test("a message counts when it was made, unless the device's clock runs ahead", () => {
  const log = new DeviceLog();
  const iso = (second: number) => new Date(second * 1000).toISOString();
  log.append([
    event("telemetry", 100, { body: { t: 2 }, creationTime: iso(99) }),
    event("telemetry", 101, { body: { t: 1 }, creationTime: iso(50) }),
    event("telemetry", 102, { body: { t: 3 }, creationTime: iso(900) }),
  ]);
  assert.deepEqual([...(log.series.get("t")?.between(0, 1e9)[0] ?? [])], [50_000, 99_000, 102_000]);
  assert.deepEqual(log.latest.get("t"), { value: 3, at: 102_000 });
});

test("a component's values are kept apart, and only numbers are drawn", () => {
  const log = new DeviceLog();
  log.append([event("telemetry", 1, { component: "thermostat1", body: { t: 1, note: "x" } })]);
  assert.deepEqual([...log.series.keys()], ["thermostat1.t"]);
  assert.deepEqual([...log.latest.keys()], ["thermostat1.t", "thermostat1.note"]);
});

test("a swap is noted once, however often the host repeats it", () => {
  const log = new DeviceLog();
  const swapped = {
    host: {
      __t: "c",
      version: "0.2.0",
      sha256: "ab",
      since: "x",
      lastSwapResult: "started",
      lastSwapPause: 0.3,
    },
  };
  log.append([
    event("reported", 1, { patch: { host: { __t: "c", version: "0.1.0", lastSwapResult: null } } }),
    event("reported", 2, { patch: swapped }),
    event("reported", 3, { patch: swapped }),
    event("reported", 4, { patch: { host: { ...swapped.host, lastSwapResult: "accepted" } } }),
  ]);
  assert.deepEqual(
    log.swaps.map(({ at, result, version, pause }) => [at, result, version, pause]),
    [
      [2000, "started", "0.2.0", 0.3],
      [4000, "accepted", "0.2.0", 0.3],
    ],
  );
});

test("a fault lasts from its beginning to its end, for one device and for all apart", () => {
  const log = new DeviceLog();
  const slow = { slow: { latency: "200ms" } };
  log.append([
    event("fault-started", 1, { fault: slow }),
    event("fault-started", 2, { fault: slow, device: undefined }),
    event("fault-ended", 3, { fault: slow }),
    event("disconnected", 4, { reason: "gone" }),
    event("connected", 6, {}),
    event("fault-triggered", 7, { fault: "reset" }),
  ]);
  assert.deepEqual(
    log.faults.all.map(({ name, from, to }) => [name, from, to]),
    [
      ["slow", 1000, 3000],
      ["slow", 2000, undefined],
    ],
  );
  assert.deepEqual(
    log.offline.all.map(({ from, to }) => [from, to]),
    [[4000, 6000]],
  );
  assert.deepEqual(log.oneShotFaults, [{ at: 7000, name: "reset" }]);
});

test("a device that lost its connection with the cloud is offline from when the cloud ended", () => {
  const log = new DeviceLog();
  const since = new Date(4000).toISOString();
  log.append([
    event("disconnected", 9, { reason: "cloud terminated unexpectedly", since }),
    event("connected", 10, {}),
  ]);
  assert.deepEqual(
    log.offline.all.map(({ from, to }) => [from, to]),
    [[4000, 10_000]],
  );
});
