import assert from "node:assert/strict";
import { test } from "node:test";
import { TraceLog } from "./traceLog.ts";
import type { PacketRecord } from "./traceRecord.ts";

let sequence = 0;

function packet(direction: "up" | "down", millisecond: number, more: object): PacketRecord {
  sequence += 1;
  const time = new Date(millisecond).toISOString();
  return {
    sequence,
    time,
    device: "t-1",
    kind: "packet",
    connection: 1,
    direction,
    packet: "PUBLISH",
    ...more,
  } as PacketRecord;
}

test("requests and answers are matched by rid, version and packet id, each on its own connection", () => {
  const pairs = [
    [
      packet("up", 0, { operation: "twin-get", rid: "a" }),
      packet("down", 5, { operation: "twin-response", rid: "a", status: 200 }),
    ],
    [
      packet("down", 10, { operation: "method-call", rid: "1" }),
      packet("up", 13, { operation: "method-response", rid: "1", status: 200 }),
    ],
    [
      packet("down", 20, { operation: "desired", version: "7" }),
      packet("up", 54, {
        operation: "report",
        rid: "b",
        body: { t: { value: 1, ac: 200, av: 7 } },
      }),
    ],
    [
      packet("down", 60, { operation: "desired", version: "8" }),
      packet("up", 61, {
        operation: "report",
        rid: "c",
        body: { x: { __t: "c", t: { value: 1, ac: 200, av: 8 } } },
      }),
    ],
    [
      packet("up", 70, { operation: "telemetry", packetId: 3 }),
      packet("down", 71, { packet: "PUBACK", packetId: 3 }),
    ],
    [packet("up", 80, { packet: "PINGREQ" }), packet("down", 81, { packet: "PINGRESP" })],
  ] as const;
  for (const [request, last] of pairs) {
    const log = new TraceLog();
    const elsewhere = { ...last, connection: 2 };
    const response = { ...last, sequence: last.sequence + 1 };
    log.append([request, elsewhere, response]);
    const duration = Date.parse(response.time) - Date.parse(request.time);
    assert.deepEqual(log.roundTripOf(request), {
      other: response.sequence,
      duration,
      isResponse: false,
    });
    assert.deepEqual(log.roundTripOf(response), {
      other: request.sequence,
      duration,
      isResponse: true,
    });
    assert.equal(log.roundTripOf(elsewhere), undefined);
  }
});

test("a packet id that is used again is another request", () => {
  const log = new TraceLog();
  const [first, second] = [0, 10].map(
    (at) =>
      [
        packet("up", at, { packetId: 1 }),
        packet("down", at + 1, { packet: "PUBACK", packetId: 1 }),
      ] as const,
  );
  log.append([...(first ?? []), ...(second ?? [])]);
  assert.equal(log.roundTripOf(second?.[1] as PacketRecord)?.other, second?.[0].sequence);
});

test("another run of the cloud, which counts from the beginning, is another trace", () => {
  const log = new TraceLog();
  const [first, second] = [
    packet("up", 0, { operation: "twin-get", rid: "a" }),
    packet("up", 10, {}),
  ];
  log.append([first, second]);
  const again = packet("down", 20, { sequence: 1, operation: "twin-response", rid: "a" });
  log.append([again]);
  assert.deepEqual(log.records, [again]);
  assert.equal(log.roundTripOf(again), undefined);
});
