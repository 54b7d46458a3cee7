import { asObject, type Json, type JsonObject, objects } from "../json.ts";

/** The primitive schemas of DTDL v2. */
export type Primitive =
  | "boolean" | "date" | "dateTime" | "double" | "duration" | "float" | "integer" | "long" | "string" | "time";

/** What a value looks like. */
export type Schema =
  | { kind: Primitive }
  | { kind: "object"; fields: Field[] }
  | { kind: "enum"; values: Choice[] }
  | { kind: "array"; items: Schema }
  | { kind: "map"; values: Schema }
  /** Anything: a schema this page does not know, or none. */
  | { kind: "any" };

/** A named value. */
export interface Field {
  readonly name: string;
  readonly title: string;
  readonly schema: Schema;
}

/** One value of an enumeration. */
export interface Choice {
  readonly title: string;
  readonly value: Json;
}

const PRIMITIVES = new Set<string>([
  "boolean", "date", "dateTime", "double", "duration", "float", "integer", "long", "string", "time",
]);

/** Deeper than DTDL allows, so that no document leads in circles. */
const DEPTH = 8;

/** Reads a schema; `named` are those of its interface that are referred to by id. */
export function readSchema(json: Json | undefined, named: Map<string, Json>, depth = DEPTH): Schema {
  if (typeof json === "string") {
    if (PRIMITIVES.has(json)) return { kind: json as Primitive };
    return named.has(json) && depth > 0 ? readSchema(named.get(json), named, depth - 1) : { kind: "any" };
  }
  const object = asObject(json);
  return object && depth > 0 ? complex(object, named, depth - 1) : { kind: "any" };
}

function complex(object: JsonObject, named: Map<string, Json>, depth: number): Schema {
  const inner = (json: Json | undefined) => readSchema(json, named, depth);
  switch (types(object)[0]) {
    case "Object":
      return { kind: "object", fields: objects(object["fields"]).map((field) => readField(field, named, depth)) };
    case "Enum":
      return { kind: "enum", values: objects(object["enumValues"]).map(choice) };
    case "Array":
      return { kind: "array", items: inner(object["elementSchema"]) };
    case "Map":
      return { kind: "map", values: inner(asObject(object["mapValue"])?.["schema"]) };
    default:
      return { kind: "any" };
  }
}

/** Reads a named value: a field, or what a command takes or gives. */
export function readField(json: JsonObject, named: Map<string, Json>, depth = DEPTH): Field {
  const name = String(json["name"] ?? "");
  return { name, title: words(json["displayName"]) ?? name, schema: readSchema(json["schema"], named, depth) };
}

/** The types of an element, its DTDL class among them. */
export function types(object: JsonObject): string[] {
  const type = object["@type"];
  return (Array.isArray(type) ? type : [type]).map(String);
}

/** Text that may be given in several languages. */
export function words(text: Json | undefined): string | undefined {
  if (typeof text === "string") return text || undefined;
  const languages = asObject(text);
  const chosen = languages?.["en"] ?? Object.values(languages ?? {})[0];
  return typeof chosen === "string" && chosen ? chosen : undefined;
}

function choice(json: JsonObject): Choice {
  const value = json["enumValue"] ?? null;
  return { title: words(json["displayName"]) ?? String(json["name"] ?? value), value };
}
