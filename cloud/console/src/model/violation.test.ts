import assert from "node:assert/strict";
import { test } from "node:test";
import type { Json } from "../json.ts";
import type { Schema } from "./schema.ts";
import { schemaViolation, valueViolation } from "./violation.ts";

const REPORT: Schema = {
  kind: "object",
  fields: [
    { name: "max", title: "Max", schema: { kind: "double" } },
    { name: "at", title: "At", schema: { kind: "dateTime" } },
  ],
};

test("what fits, fits", () => {
  const fitting: [Schema, Json][] = [
    [{ kind: "boolean" }, false],
    [{ kind: "double" }, 1.5],
    [{ kind: "integer" }, -(2 ** 31)],
    [{ kind: "string" }, ""],
    [{ kind: "date" }, "2026-01-31"],
    [{ kind: "time" }, "08:00:00"],
    [{ kind: "dateTime" }, "2026-01-31T08:00:00+01:00"],
    [{ kind: "duration" }, "P1DT2.5S"],
    [{ kind: "enum", values: [{ title: "On", value: 1 }] }, 1],
    [{ kind: "array", items: { kind: "long" } }, [1, 2]],
    [{ kind: "map", values: { kind: "string" } }, { a: "b" }],
    [{ kind: "any" }, null],
    [REPORT, { max: 3 }],
  ];
  for (const [schema, value] of fitting)
    assert.equal(schemaViolation(schema, value), undefined, JSON.stringify([schema, value]));
});

test("what does not fit is told where and why", () => {
  const wrong: [Schema, Json, string][] = [
    [{ kind: "boolean" }, "true", "must be true or false"],
    [{ kind: "double" }, "1.5", "must be a number"],
    [{ kind: "integer" }, 1.5, "must be an integer"],
    [{ kind: "integer" }, 2 ** 31, "is out of range"],
    [{ kind: "dateTime" }, "yesterday", "must have a format like 2026-01-31T08:00:00Z"],
    [{ kind: "duration" }, "P", "must have a format like PT5M"],
    [{ kind: "enum", values: [{ title: "On", value: 1 }] }, 2, "is not an allowed value"],
    [{ kind: "array", items: { kind: "long" } }, [1, "2"], "item 2 must be an integer"],
    [{ kind: "map", values: { kind: "string" } }, { a: 1 }, "a must be a string"],
    [REPORT, { max: "hot" }, "max must be a number"],
    [REPORT, { min: 1 }, "min is not in the model"],
    [REPORT, [], "must be an object"],
  ];
  for (const [schema, value, why] of wrong) assert.equal(schemaViolation(schema, value), why);
});

test("a number beyond the bounds of its capability is told what they are", () => {
  const violation = (minimum: number | undefined, maximum: number | undefined, value: Json) =>
    valueViolation({ schema: { kind: "double" }, bounds: { minimum, maximum } }, value);
  assert.equal(violation(0, 10, 10), undefined);
  assert.equal(violation(0, 10, 10.5), "must be from 0 to 10");
  assert.equal(violation(0, undefined, -1), "must be at least 0");
  assert.equal(violation(undefined, 10, 11), "must be at most 10");
  assert.equal(violation(0, 10, "x"), "must be a number");
});

test("the bounds of a field count too", () => {
  const bounds = { minimum: 0, maximum: 9 };
  const fields = [{ name: "level", title: "Level", schema: { kind: "integer" as const }, bounds }];
  assert.equal(schemaViolation({ kind: "object", fields }, { level: 9 }), undefined);
  assert.equal(
    schemaViolation({ kind: "object", fields }, { level: 10 }),
    "level must be from 0 to 9",
  );
});
