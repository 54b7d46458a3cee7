import { asObject, type Json, type JsonObject } from "../json.ts";
import type { CloudEvent } from "./event.ts";

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

/** Without what the Plug and Play convention puts around it. */
function plain(value: Json): Json {
  const object = asObject(value);
  return object && "ac" in object && ("value" in object || "av" in object) ? (object["value"] ?? null) : value;
}

function entries(object: { [name: string]: Json } | undefined, component: string | undefined): Map<string, Json> {
  const all = Object.entries(object ?? {}).filter(([name]) => name !== "__t");
  return new Map(all.map(([name, value]) => [component ? `${component}.${name}` : name, value]));
}
