import { asObject, asObjects, type Json, type JsonObject } from "../json.ts";
import {
  type Bounds,
  dtdlTypes,
  type Field,
  localizedText,
  parseBounds,
  parseField,
  parseSchema,
  type Schema,
} from "./schema.ts";
import { unitSymbol } from "./unit.ts";

/** Common fields of capabilities. */
interface CapabilityBase {
  readonly name: string;
  readonly title: string;
  readonly description: string | undefined;
  /** Plug and Play component of the capability. */
  readonly component: string | undefined;
}

/** Telemetry. */
export interface Telemetry extends CapabilityBase {
  readonly schema: Schema;
  readonly unit: string | undefined;
  /** Bounds, which models of IoT Central may have. */
  readonly bounds?: Bounds | undefined;
  /** Maximum number of decimal places to show. */
  readonly decimalPlaces?: number | undefined;
  /** Semantic type, such as `Temperature`. */
  readonly semanticType: string | undefined;
}

/** Property. */
export interface Property extends Telemetry {
  readonly writable: boolean;
  /** Value to begin with, in a form. */
  readonly initialValue?: Json | undefined;
}

/** Command. */
export interface Command extends CapabilityBase {
  /** True if the command is queued while the device is disconnected ("Queue if offline"). */
  readonly durable: boolean;
  readonly request: Field | undefined;
  readonly response: Field | undefined;
}

/** Capabilities of a model, including those of its components. */
export interface Interface {
  readonly id: string;
  readonly title: string;
  readonly telemetry: Telemetry[];
  readonly properties: Property[];
  /** Properties that IoT Central keeps about a device, which the device does not have. */
  readonly cloudProperties: Property[];
  readonly commands: Command[];
}

/** Maximum depth of `extends`, more than DTDL allows. */
const MAX_DEPTH = 10;

const CLASSES = new Set(["Telemetry", "Property", "Command", "Component", "Relationship"]);

/** Parses the interface with this id, resolving references to the other documents. */
export function parseInterface(documents: JsonObject[], id: string): Interface | undefined {
  const byId = new Map(documents.map((document) => [String(document["@id"]), document]));
  const document = byId.get(id);
  if (!document) return undefined;
  const result: Interface = {
    id,
    title: localizedText(document.displayName) ?? id,
    telemetry: [],
    properties: [],
    cloudProperties: [],
    commands: [],
  };
  collect(document, byId, undefined, result, MAX_DEPTH);
  return result;
}

function collect(
  document: JsonObject,
  documents: Map<string, JsonObject>,
  component: string | undefined,
  into: Interface,
  depth: number,
): void {
  if (depth === 0) return;
  for (const base of references(document.extends, documents)) {
    collect(base, documents, component, into, depth - 1);
  }
  const schemas = new Map<string, Json>(
    asObjects(document.schemas).map((schema) => [String(schema["@id"]), schema]),
  );
  for (const content of asObjects(document.contents)) {
    const kind = dtdlTypes(content).find((type) => CLASSES.has(type));
    if (kind === "Telemetry") into.telemetry.push(readTelemetry(content, schemas, component));
    if (kind === "Property") {
      const properties = isCloudProperty(content, document)
        ? into.cloudProperties
        : into.properties;
      properties.push(readProperty(content, schemas, component));
    }
    if (kind === "Command") into.commands.push(readCommand(content, schemas, component));
    if (kind === "Component" && !component) {
      const [inner] = references(content.schema, documents);
      if (inner) collect(inner, documents, String(content.name), into, depth - 1);
    }
  }
}

/** Tells the properties that IoT Central keeps about a device from those that the device has. */
function isCloudProperty(content: JsonObject, document: JsonObject): boolean {
  const contexts = JSON.stringify(document["@context"] ?? "");
  const isOfCentral = contexts.includes("dtmi:iotcentral:context;");
  return isOfCentral && dtdlTypes(content).includes("Cloud");
}

function references(json: Json | undefined, documents: Map<string, JsonObject>): JsonObject[] {
  const all = Array.isArray(json) ? json : json === undefined ? [] : [json];
  return all
    .map((one) => asObject(one) ?? documents.get(String(one)))
    .filter((one) => one !== undefined);
}

function readBase(content: JsonObject, component: string | undefined): CapabilityBase {
  const name = String(content.name);
  return {
    name,
    title: localizedText(content.displayName) ?? name,
    description: localizedText(content.description),
    component,
  };
}

function readTelemetry(
  content: JsonObject,
  schemas: Map<string, Json>,
  component: string | undefined,
): Telemetry {
  return {
    ...readBase(content, component),
    schema: parseSchema(content.schema, schemas),
    // IoT Central's text for people goes before the unit.
    unit: localizedText(content.displayUnit) ?? unitSymbol(content.unit),
    bounds: parseBounds(content),
    decimalPlaces: asNumber(content.decimalPlaces),
    semanticType: dtdlTypes(content).find((type) => !CLASSES.has(type) && type !== "Cloud"),
  };
}

function asNumber(json: Json | undefined): number | undefined {
  return typeof json === "number" ? json : undefined;
}

function readProperty(
  content: JsonObject,
  schemas: Map<string, Json>,
  component: string | undefined,
): Property {
  return {
    ...readTelemetry(content, schemas, component),
    writable: content.writable === true,
    initialValue: content.initialValue ?? undefined,
  };
}

function readCommand(
  content: JsonObject,
  schemas: Map<string, Json>,
  component: string | undefined,
): Command {
  const field = (json: Json | undefined) => {
    const object = asObject(json);
    return object && parseField(object, schemas);
  };
  return {
    ...readBase(content, component),
    durable: content.durable === true,
    request: field(content.request),
    response: field(content.response),
  };
}

/** Returns the path of a capability: `component.name`, or the name in the root component. */
export function capabilityPath(capability: {
  name: string;
  component?: string | undefined;
}): string {
  return capability.component ? `${capability.component}.${capability.name}` : capability.name;
}

/** Returns the writable property with the semantic type and unit of a telemetry. */
export function findTargetProperty(
  model: Interface | undefined,
  telemetry: Telemetry,
): Property | undefined {
  return model?.properties.find((property) => {
    const isMatch = property.component === telemetry.component && property.unit === telemetry.unit;
    return (
      property.writable &&
      isMatch &&
      property.semanticType !== undefined &&
      property.semanticType === telemetry.semanticType
    );
  });
}
