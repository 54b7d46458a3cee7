import { asObject, asObjects, type Json, type JsonObject } from "../json.ts";

/** Primitive schemas of DTDL v2. */
export type Primitive =
  | "boolean"
  | "date"
  | "dateTime"
  | "double"
  | "duration"
  | "float"
  | "integer"
  | "long"
  | "string"
  | "time";

/** Schema of a value. */
export type Schema =
  | { kind: Primitive }
  | { kind: "object"; fields: Field[] }
  | { kind: "enum"; values: Choice[] }
  | { kind: "array"; items: Schema }
  | { kind: "map"; values: Schema }
  /** Any value: the schema is missing or not supported. */
  | { kind: "any" };

/** Named value of an object, or payload of a command. */
export interface Field {
  readonly name: string;
  readonly title: string;
  readonly schema: Schema;
  /** Bounds, which models of IoT Central may have. */
  readonly bounds?: Bounds | undefined;
  /** Value to begin with, in a form. */
  readonly initialValue?: Json | undefined;
}

/** Bounds of a number. */
export interface Bounds {
  readonly minimum: number | undefined;
  readonly maximum: number | undefined;
}

/** Value of an enumeration. */
export interface Choice {
  readonly title: string;
  readonly value: Json;
}

const PRIMITIVES = new Set<string>([
  "boolean",
  "date",
  "dateTime",
  "double",
  "duration",
  "float",
  "integer",
  "long",
  "string",
  "time",
]);

/** Maximum depth, more than DTDL allows; ends circular references. */
const MAX_DEPTH = 8;

/** Parses a schema; `named` holds the schemas of its interface by id. */
export function parseSchema(
  json: Json | undefined,
  named: Map<string, Json>,
  depth = MAX_DEPTH,
): Schema {
  if (typeof json === "string") {
    if (PRIMITIVES.has(json)) return { kind: json as Primitive };
    return named.has(json) && depth > 0
      ? parseSchema(named.get(json), named, depth - 1)
      : { kind: "any" };
  }
  const object = asObject(json);
  return object && depth > 0 ? parseComplexSchema(object, named, depth - 1) : { kind: "any" };
}

function parseComplexSchema(object: JsonObject, named: Map<string, Json>, depth: number): Schema {
  const inner = (json: Json | undefined) => parseSchema(json, named, depth);
  switch (dtdlTypes(object)[0]) {
    case "Object":
      return {
        kind: "object",
        fields: asObjects(object.fields).map((field) => parseField(field, named, depth)),
      };
    case "Enum":
      return { kind: "enum", values: asObjects(object.enumValues).map(parseChoice) };
    case "Array":
      return { kind: "array", items: inner(object.elementSchema) };
    case "Map":
      return { kind: "map", values: inner(asObject(object.mapValue)?.schema) };
    default:
      return { kind: "any" };
  }
}

/** Parses an object field, or the request or response of a command. */
export function parseField(json: JsonObject, named: Map<string, Json>, depth = MAX_DEPTH): Field {
  const name = String(json.name ?? "");
  return {
    name,
    title: localizedText(json.displayName) ?? name,
    schema: parseSchema(json.schema, named, depth),
    bounds: parseBounds(json),
    initialValue: json.initialValue ?? undefined,
  };
}

/** Parses the bounds of a number. */
export function parseBounds(json: JsonObject): Bounds | undefined {
  const bound = (value: Json | undefined) => (typeof value === "number" ? value : undefined);
  const [minimum, maximum] = [bound(json.minValue), bound(json.maxValue)];
  const isBounded = minimum !== undefined || maximum !== undefined;
  return isBounded ? { minimum, maximum } : undefined;
}

/** Returns the types of an element, including its DTDL class. */
export function dtdlTypes(object: JsonObject): string[] {
  const type = object["@type"];
  return (Array.isArray(type) ? type : [type]).map(String);
}

/** Returns the English text of a localizable string, or the first one. */
export function localizedText(text: Json | undefined): string | undefined {
  if (typeof text === "string") return text || undefined;
  const languages = asObject(text);
  const selected = languages?.en ?? Object.values(languages ?? {})[0];
  return typeof selected === "string" && selected ? selected : undefined;
}

function parseChoice(json: JsonObject): Choice {
  const value = json.enumValue ?? null;
  return { title: localizedText(json.displayName) ?? String(json.name ?? value), value };
}
