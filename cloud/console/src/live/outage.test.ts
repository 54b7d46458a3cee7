import assert from "node:assert/strict";
import { test } from "node:test";
import type { TelemetryEvent } from "./event.ts";
import { Outages } from "./outage.ts";

const iso = (second: number) => new Date(second * 1000).toISOString();

/** Message that was created at one second and arrived at another. */
function message(created: number | undefined, arrived: number, messageId?: string): TelemetryEvent {
  const creationTime = created === undefined ? undefined : iso(created);
  return {
    type: "telemetry",
    sequence: 1,
    enqueued: iso(arrived),
    messageId,
    creationTime,
    properties: {},
  } as unknown as TelemetryEvent;
}

const ms = (second: number) => second * 1000;
const summary = (outages: Outages) =>
  outages.all.map(({ from, to, queued, longestWait, duplicated }) => [
    from,
    to,
    queued,
    longestWait,
    duplicated,
  ]);

test("what was made while the device was not connected and came when it was again has waited", () => {
  const outages = new Outages();
  outages.append(message(9, 9.01, "a"));
  outages.start("offline", "connection lost", ms(10));
  outages.reconnect("offline", ms(20));
  outages.append(message(19.99, 20.02, "d"));
  outages.append(message(11, 20.03, "b"));
  outages.append(message(15, 20.04, "c"));
  outages.append(message(21, 21.01, "e"));
  assert.deepEqual(summary(outages), [[ms(10), ms(20), 2, 9020, 0]]);
  assert.equal(outages.all[0]?.recovered, ms(20));
});

test("a link that was dead before the cloud knew has kept back what was made since", () => {
  const outages = new Outages();
  outages.append(message(9, 9, "a"));
  outages.start("offline", "keep-alive timeout", ms(100));
  outages.reconnect("offline", ms(101));
  outages.append(message(10, 102, "b"));
  assert.deepEqual(summary(outages), [[ms(100), ms(101), 1, ms(92), 0]]);
});

test("causes that overlap, or begin before the device is heard again, are one outage; what is heard ends it", () => {
  const outages = new Outages();
  outages.start("black-hole t-1", "black-hole", ms(10));
  outages.start("offline", "connection lost", ms(12));
  outages.endFault("black-hole t-1", ms(20));
  outages.reconnect("offline", ms(25));
  outages.start("slow", "slow", ms(30));
  outages.endFault("slow", ms(40));
  outages.start("offline", "connection lost", ms(41));
  outages.reconnect("offline", ms(42));
  outages.append(message(43, 43));
  const seen = outages.all.map(({ from, to, causes, faultEnded, recovered }) => [
    from,
    to,
    causes.join(),
    faultEnded,
    recovered,
  ]);
  assert.deepEqual(seen, [
    [ms(10), ms(25), "black-hole,connection lost", ms(20), ms(25)],
    [ms(30), ms(42), "slow,connection lost", ms(40), ms(42)],
  ]);
});

test("a fault is recovered from by the first message after it", () => {
  const outages = new Outages();
  outages.start("silent", "silent", ms(10));
  outages.append(message(11, 11));
  outages.endFault("silent", ms(20));
  assert.equal(outages.all[0]?.recovered, undefined);
  outages.append(message(23, 23));
  outages.append(message(24, 24));
  assert.equal(outages.all[0]?.recovered, ms(23));
});

test("a message that comes again because of an outage is a duplicate, and has not waited", () => {
  const outages = new Outages();
  outages.append(message(8, 8, "a"));
  outages.start("withhold-acks", "withhold-acks", ms(10));
  outages.append(message(11, 11, "b"));
  outages.start("offline", "connection lost", ms(15));
  outages.reconnect("offline", ms(16));
  outages.append(message(8, 17, "a"));
  outages.append(message(11, 17, "b"));
  outages.endFault("withhold-acks", ms(18));
  outages.append(message(19, 19, "c"));
  outages.append(message(19, 20, "c"));
  assert.deepEqual(summary(outages), [[ms(10), ms(18), 0, 0, 2]]);
});

test("what came during an outage and comes again long after it is its duplicate, and not that of the next", () => {
  const outages = new Outages();
  outages.append(message(8, 8, "a"));
  outages.start("withhold-acks", "withhold-acks", ms(10));
  outages.append(message(11, 11, "b"));
  outages.endFault("withhold-acks", ms(20));
  outages.append(message(21, 21, "c"));
  outages.start("offline", "connection lost", ms(60));
  outages.reconnect("offline", ms(61));
  outages.append(message(11, 62, "b"));
  outages.append(message(21, 62, "c"));
  assert.deepEqual(
    outages.all.map(({ causes, duplicated }) => [causes[0], duplicated]),
    [
      ["withhold-acks", 1],
      ["connection lost", 1],
    ],
  );
});

test("a backlog that outlasts the next outage counts for the one it waited for first", () => {
  const outages = new Outages();
  outages.append(message(9, 9));
  outages.start("offline", "x", ms(10));
  outages.reconnect("offline", ms(20));
  outages.append(message(21, 21));
  outages.start("offline", "x", ms(22));
  outages.reconnect("offline", ms(30));
  outages.append(message(15, 31));
  outages.append(message(25, 31));
  assert.deepEqual(
    outages.all.map(({ queued, longestWait }) => [queued, longestWait]),
    [
      [1, ms(16)],
      [1, ms(6)],
    ],
  );
});

test("a device's clock that is behind makes no message wait", () => {
  const outages = new Outages();
  outages.append(message(6409, 10_009));
  outages.start("offline", "x", ms(10_010));
  outages.reconnect("offline", ms(10_020));
  outages.append(message(6415, 10_021));
  outages.append(message(6422, 10_022));
  assert.deepEqual(summary(outages), [[ms(10_010), ms(10_020), 1, ms(6), 0]]);
});

test("without ids and times nothing is known to be a duplicate, or to have waited", () => {
  const outages = new Outages();
  assert.deepEqual([outages.hasMessageIds, outages.hasCreationTimes], [undefined, undefined]);
  outages.append(message(undefined, 1));
  assert.deepEqual([outages.hasMessageIds, outages.hasCreationTimes], [false, false]);
  outages.append(message(1, 1, "a"));
  assert.deepEqual([outages.hasMessageIds, outages.hasCreationTimes], [true, true]);
});

test("a thousand messages a second for minutes, and outage after outage, take no more room", () => {
  const outages = new Outages();
  for (let number = 0; number < 200_000; number++) {
    const second = 1 + number / 1000;
    if (number % 500 === 0) outages.start("offline", `reason ${number}`, ms(second));
    if (number % 500 === 100) outages.reconnect("offline", ms(second));
    outages.append(message(second, second, `id ${number}`));
    if (number % 500 === 200) outages.append(message(second, second, `id ${number - 150}`));
  }
  assert.equal(outages.all.length, 200);
  assert.equal(outages.all.at(-1)?.duplicated, 1);
  assert.equal(outages.all[0]?.duplicated, 1);
  outages.append(message(201, 201, "id 0"));
  assert.equal(outages.all.at(-1)?.duplicated, 1, "an id of minutes ago is forgotten");
});
