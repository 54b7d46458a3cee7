import assert from "node:assert/strict";
import { test } from "node:test";
import { formatLimit } from "./limits.ts";

test("a limit is shown as it was set", () => {
  const limits = {
    memory: 64 * 1024 ** 2,
    "compile-memory": 4 * 1024 ** 3,
    record: 1000,
    cpu: 500,
    wall: 5000,
    "log-rate": 100_000,
    calls: 200,
    messages: null,
    commit: 512 * 1024,
  };
  assert.deepEqual(
    Object.keys(limits).map((name) => formatLimit(name, limits)),
    ["64 MiB", "4 GiB", "1,000 bytes", "500 ms", "5 s", "100,000", "200/s", "None", "512 KiB/s"],
  );
  assert.equal(formatLimit("timers", limits), undefined);
});
