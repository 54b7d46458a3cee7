import assert from "node:assert/strict";
import { test } from "node:test";
import type { CloudEvent } from "./event.ts";
import { Fleet } from "./fleet.ts";

let sequence = 0;
const event = (type: string, details: object) =>
  ({ sequence: ++sequence, enqueued: "2026-01-31T08:00:00Z", type, ...details }) as CloudEvent;
const telemetry = (device: string, value: number) =>
  event("telemetry", { device, body: { level: value }, properties: {} });

test("of each device the newest data of a batch is kept, and told once", () => {
  const fleet = new Fleet();
  const seen: unknown[] = [];
  const stop = fleet.lastOf("a").subscribe((data) => seen.push(data?.value));
  fleet.append([telemetry("a", 1), telemetry("b", 2), telemetry("a", 3)]);
  stop();
  assert.deepEqual(seen, [undefined, 3]);
  assert.equal(fleet.lastOf("b").value?.value, 2);
});

test("the list is another when a device comes, goes or connects, and not because of data", () => {
  const fleet = new Fleet();
  fleet.append([telemetry("a", 1)]);
  assert.equal(fleet.changes.value, 0);
  fleet.append([event("created", { device: "b" }), event("connected", { device: "b" })]);
  assert.equal(fleet.changes.value, 1);
});
