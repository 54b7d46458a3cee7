import { asObject, type Json, type JsonObject } from "../json.ts";
import type { CloudEvent } from "./event.ts";

/** Returns the values in an event, by capability path. */
export function eventValues(event: CloudEvent): Map<string, Json> {
  if (event.type === "telemetry") return objectValues(asObject(event.body), event.component);
  if (event.type === "reported") return patchValues(event.patch);
  return event.type === "desired" ? patchValues(event.desired) : new Map();
}

function patchValues(patch: JsonObject): Map<string, Json> {
  const all = new Map<string, Json>();
  for (const [name, value] of Object.entries(patch)) {
    const component = asObject(value);
    if (component?.__t !== "c") all.set(name, withoutAcknowledgment(value));
    else
      for (const [inner, of] of objectValues(component, name))
        all.set(inner, withoutAcknowledgment(of));
  }
  return all;
}

/** Unwraps the value of a Plug and Play acknowledgment. */
function withoutAcknowledgment(value: Json): Json {
  const object = asObject(value);
  return object && "ac" in object && ("value" in object || "av" in object)
    ? (object.value ?? null)
    : value;
}

function objectValues(
  object: { [name: string]: Json } | undefined,
  component: string | undefined,
): Map<string, Json> {
  const all = Object.entries(object ?? {}).filter(([name]) => name !== "__t");
  return new Map(all.map(([name, value]) => [component ? `${component}.${name}` : name, value]));
}
