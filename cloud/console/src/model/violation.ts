import { asObject, equal, type Json, type JsonObject } from "../json.ts";
import type { Bounds, Field, Schema } from "./schema.ts";

const INTEGER = { integer: 2 ** 31, long: 2 ** 63 };
const DATE = /^\d{4}-\d\d-\d\d$/;
const TIME = /^\d\d:\d\d(:\d\d(\.\d+)?)?(Z|[+-]\d\d:\d\d)?$/;
const DURATION = /^-?P(?=.)(\d+Y)?(\d+M)?(\d+W)?(\d+D)?(T(?=\d)(\d+H)?(\d+M)?(\d+(\.\d+)?S)?)?$/;

/** Describes why a value violates the schema or the bounds of a capability; `undefined` if not. */
export function valueViolation(
  capability: { schema: Schema; bounds?: Bounds | undefined },
  value: Json,
): string | undefined {
  const { schema, bounds } = capability;
  return schemaViolation(schema, value) ?? (bounds && boundsViolation(bounds, value));
}

function boundsViolation(bounds: Bounds, value: Json): string | undefined {
  if (typeof value !== "number") return undefined;
  const { minimum = -Infinity, maximum = Infinity } = bounds;
  return value < minimum || value > maximum ? `must be ${describeBounds(bounds)}` : undefined;
}

/** Describes bounds, such as "from 0 to 100". */
export function describeBounds({ minimum, maximum }: Bounds): string {
  if (maximum === undefined) return `at least ${minimum}`;
  return minimum === undefined ? `at most ${maximum}` : `from ${minimum} to ${maximum}`;
}

/** Describes why a value violates a schema; `undefined` if it does not. */
export function schemaViolation(schema: Schema, value: Json): string | undefined {
  switch (schema.kind) {
    case "any":
      return undefined;
    case "boolean":
      return typeof value === "boolean" ? undefined : "must be true or false";
    case "double":
    case "float":
      return typeof value === "number" ? undefined : "must be a number";
    case "integer":
    case "long":
      return integerViolation(schema.kind, value);
    case "enum":
      return schema.values.some((choice) => equal(choice.value, value))
        ? undefined
        : "is not an allowed value";
    case "object":
      return objectViolation(schema.fields, value);
    case "array":
      return arrayViolation(schema.items, value);
    case "map":
      return mapViolation(schema.values, value);
    default:
      return textViolation(schema.kind, value);
  }
}

function integerViolation(kind: "integer" | "long", value: Json): string | undefined {
  if (typeof value !== "number" || !Number.isInteger(value)) return "must be an integer";
  const limit = INTEGER[kind];
  return value >= -limit && value < limit ? undefined : "is out of range";
}

function textViolation(
  kind: "string" | "date" | "dateTime" | "time" | "duration",
  value: Json,
): string | undefined {
  if (typeof value !== "string") return "must be a string";
  const isValid = {
    string: () => true,
    date: () => DATE.test(value),
    dateTime: () => /^\d{4}-\d\d-\d\dT/.test(value) && !Number.isNaN(Date.parse(value)),
    time: () => TIME.test(value),
    duration: () => DURATION.test(value),
  };
  const examples = {
    string: "",
    date: "2026-01-31",
    dateTime: "2026-01-31T08:00:00Z",
    time: "08:00:00",
    duration: "PT5M",
  };
  return isValid[kind]() ? undefined : `must have a format like ${examples[kind]}`;
}

function objectViolation(fields: Field[], value: Json): string | undefined {
  const object = asObject(value);
  if (!object) return "must be an object";
  for (const [name, inner] of Object.entries(object)) {
    const field = fields.find((field) => field.name === name);
    const violation = field ? valueViolation(field, inner) : "is not in the model";
    if (violation) return `${name} ${violation}`;
  }
  return undefined;
}

function arrayViolation(items: Schema, value: Json): string | undefined {
  if (!Array.isArray(value)) return "must be an array";
  for (const [index, item] of value.entries()) {
    const violation = schemaViolation(items, item);
    if (violation) return `item ${index + 1} ${violation}`;
  }
  return undefined;
}

function mapViolation(values: Schema, value: Json): string | undefined {
  const object: JsonObject | undefined = asObject(value);
  if (!object) return "must be an object";
  for (const [name, inner] of Object.entries(object)) {
    const violation = schemaViolation(values, inner);
    if (violation) return `${name} ${violation}`;
  }
  return undefined;
}
