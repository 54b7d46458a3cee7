import assert from "node:assert/strict";
import { test } from "node:test";
import { isError, type PacketRecord, payloadError } from "./traceRecord.ts";

const publish = (more: Partial<PacketRecord>): PacketRecord => ({
  sequence: 1,
  time: "2026-11-26T03:25:28Z",
  kind: "packet",
  connection: 1,
  direction: "up",
  packet: "PUBLISH",
  ...more,
});

test("a payload that is no JSON is a flaw where it should be: in a message only if that says so", () => {
  const text = { text: "{", size: 1 };
  const json = { "$.ct": "application/json; charset=utf-8" };
  const flawed = [
    publish({ operation: "report", ...text }),
    publish({ operation: "method-response", base64: "/w==", size: 1 }),
    publish({ operation: "telemetry", properties: json, ...text }),
  ];
  const sound = [
    publish({ operation: "report", body: null, size: 4 }),
    publish({ operation: "report", size: 0 }),
    publish({ operation: "report", ...text, truncated: true }),
    publish({ operation: "telemetry", ...text }),
    publish({ topic: "else/where", ...text }),
  ];
  assert.deepEqual(
    [...flawed, ...sound].map((record) => payloadError(record) !== undefined),
    [true, true, true, false, false, false, false, false],
  );
  assert.ok(flawed.every(isError));
});
