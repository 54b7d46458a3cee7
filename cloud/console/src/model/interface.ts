import { asObject, type Json, type JsonObject, objects } from "../json.ts";
import { type Field, readField, readSchema, type Schema, types, words } from "./schema.ts";
import { symbol } from "./unit.ts";

/** What every capability has. */
interface Named {
  readonly name: string;
  readonly title: string;
  readonly description: string | undefined;
  /** The Plug and Play component it belongs to. */
  readonly component: string | undefined;
}

/** What a device sends. */
export interface Telemetry extends Named {
  readonly schema: Schema;
  readonly unit: string | undefined;
  /** What it means, such as `Temperature`. */
  readonly semantic: string | undefined;
}

/** What a device is, or is to be. */
export interface Property extends Telemetry {
  readonly writable: boolean;
}

/** What a device can do. */
export interface Command extends Named {
  readonly request: Field | undefined;
  readonly response: Field | undefined;
}

/** What a device of a model can say and do, its components' included. */
export interface Interface {
  readonly id: string;
  readonly title: string;
  readonly telemetry: Telemetry[];
  readonly properties: Property[];
  readonly commands: Command[];
}

/** Deeper than DTDL allows interfaces to extend each other. */
const DEPTH = 10;

const CLASSES = new Set(["Telemetry", "Property", "Command", "Component", "Relationship"]);

/** Reads the interface of this id out of DTDL documents, with what it needs of the others. */
export function interpret(documents: JsonObject[], id: string): Interface | undefined {
  const named = new Map(documents.map((document) => [String(document["@id"]), document]));
  const document = named.get(id);
  if (!document) return undefined;
  const found: Interface = { id, title: words(document["displayName"]) ?? id, telemetry: [], properties: [], commands: [] };
  collect(document, named, undefined, found, DEPTH);
  return found;
}

function collect(
  document: JsonObject,
  documents: Map<string, JsonObject>,
  component: string | undefined,
  into: Interface,
  depth: number,
): void {
  if (depth === 0) return;
  for (const base of references(document["extends"], documents)) {
    collect(base, documents, component, into, depth - 1);
  }
  const schemas = new Map<string, Json>(objects(document["schemas"]).map((schema) => [String(schema["@id"]), schema]));
  for (const content of objects(document["contents"])) {
    const kind = types(content).find((type) => CLASSES.has(type));
    if (kind === "Telemetry") into.telemetry.push(telemetry(content, schemas, component));
    if (kind === "Property") into.properties.push(property(content, schemas, component));
    if (kind === "Command") into.commands.push(command(content, schemas, component));
    if (kind === "Component" && !component) {
      const [inner] = references(content["schema"], documents);
      if (inner) collect(inner, documents, String(content["name"]), into, depth - 1);
    }
  }
}

function references(json: Json | undefined, documents: Map<string, JsonObject>): JsonObject[] {
  const all = Array.isArray(json) ? json : json === undefined ? [] : [json];
  return all.map((one) => asObject(one) ?? documents.get(String(one))).filter((one) => one !== undefined);
}

function named(content: JsonObject, component: string | undefined): Named {
  const name = String(content["name"]);
  return { name, title: words(content["displayName"]) ?? name, description: words(content["description"]), component };
}

function telemetry(content: JsonObject, schemas: Map<string, Json>, component: string | undefined): Telemetry {
  return {
    ...named(content, component),
    schema: readSchema(content["schema"], schemas),
    unit: symbol(content["unit"]),
    semantic: types(content).find((type) => !CLASSES.has(type)),
  };
}

function property(content: JsonObject, schemas: Map<string, Json>, component: string | undefined): Property {
  return { ...telemetry(content, schemas, component), writable: content["writable"] === true };
}

function command(content: JsonObject, schemas: Map<string, Json>, component: string | undefined): Command {
  const field = (json: Json | undefined) => {
    const object = asObject(json);
    return object && readField(object, schemas);
  };
  return { ...named(content, component), request: field(content["request"]), response: field(content["response"]) };
}

/** How a capability is named where components are told apart. */
export function path(capability: { name: string; component?: string | undefined }): string {
  return capability.component ? `${capability.component}.${capability.name}` : capability.name;
}

/** The writable property that means the same as a telemetry, in the same unit. */
export function targetOf(model: Interface | undefined, telemetry: Telemetry): Property | undefined {
  return model?.properties.find((property) => {
    const same = property.component === telemetry.component && property.unit === telemetry.unit;
    return property.writable && same && property.semantic !== undefined && property.semantic === telemetry.semantic;
  });
}
