import { asObject, type Json, type JsonObject } from "../json.ts";
import type { CloudEvent } from "../live/event.ts";
import { type Interface, path } from "../model/interface.ts";
import { misfit } from "../model/misfit.ts";
import type { Schema } from "../model/schema.ts";
import { HOST } from "../live/swap.ts";

/** A column of the raw data: one capability. */
export interface Column {
  readonly path: string;
  readonly title: string;
  readonly unit: string | undefined;
  /** Nothing if the model does not name it. */
  readonly schema: Schema | undefined;
}

/** The columns of the model, and then those of what has come without being named. */
export function columns(model: Interface | undefined, events: readonly CloudEvent[]): Column[] {
  const named = [...(model?.telemetry ?? []), ...(model?.properties ?? [])];
  const all = new Map<string, Column>();
  for (const one of named) all.set(path(one), { path: path(one), title: one.title, unit: one.unit, schema: one.schema });
  for (const event of events) {
    for (const name of cells(event).keys()) {
      if (!all.has(name) && !isOfHost(name)) all.set(name, { path: name, title: name, unit: undefined, schema: undefined });
    }
  }
  return [...all.values()];
}

/** What an event says of each capability. */
export function cells(event: CloudEvent): Map<string, Json> {
  if (event.type === "telemetry") return entries(asObject(event.body), event.component);
  if (event.type === "reported") return ofTwin(event.patch);
  return event.type === "desired" ? ofTwin(event.desired) : new Map();
}

function ofTwin(patch: JsonObject): Map<string, Json> {
  const all = new Map<string, Json>();
  for (const [name, value] of Object.entries(patch)) {
    const component = asObject(value);
    if (component?.["__t"] !== "c") all.set(name, plain(value));
    else for (const [inner, of] of entries(component, name)) all.set(inner, plain(of));
  }
  return all;
}

/** What is wrong with what a device has sent, in words. */
export function flaw(event: CloudEvent, columns: Map<string, Column>, isModelled: boolean): string | undefined {
  if (event.type !== "telemetry" && event.type !== "reported") return undefined;
  if (event.type === "telemetry" && !asObject(event.body)) return "is no JSON object, or does not say that it is";
  if (!isModelled) return undefined;
  for (const [name, value] of cells(event)) {
    if (isOfHost(name)) continue;
    const schema = columns.get(name)?.schema;
    const why = schema ? misfit(schema, value) : "is not in the model";
    if (why && value !== null) return `${name} ${why}`;
  }
  return undefined;
}

/** What a host says of itself is in no model of a device's. */
function isOfHost(path: string): boolean {
  return path.startsWith(`${HOST}.`);
}

/** Without what the Plug and Play convention puts around it. */
function plain(value: Json): Json {
  const object = asObject(value);
  return object && "ac" in object && "value" in object ? (object["value"] ?? null) : value;
}

function entries(object: { [name: string]: Json } | undefined, component: string | undefined): Map<string, Json> {
  const all = Object.entries(object ?? {}).filter(([name]) => name !== "__t");
  return new Map(all.map(([name, value]) => [component ? `${component}.${name}` : name, value]));
}
