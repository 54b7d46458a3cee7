import { components, names, standing } from "../cloud/acknowledgment.ts";
import type { Twin } from "../cloud/twin.ts";
import { asObject, equal, type Json, type JsonObject } from "../json.ts";
import type { Tone } from "../part/Chip.tsx";

/** A property as each of the twins has it. */
export interface Difference {
  readonly path: string;
  readonly desired: Json | undefined;
  readonly reported: Json | undefined;
  /** Nothing also where there is no digital twin. */
  readonly digital: Json | undefined;
  readonly verdict: string;
  readonly tone: Tone;
}

/** The properties of the device itself, then those of its components: what is desired, and then what is only reported. */
export function differences(twin: Twin, digital: JsonObject | undefined): Difference[] {
  const inner = [...new Set([...components(twin.desired), ...components(twin.reported)])];
  return [undefined, ...inner].flatMap((component) => {
    const own = new Set([...names(twin.desired, component), ...names(twin.reported, component)]);
    const properties = [...own].filter((name) => component !== undefined || !inner.includes(name));
    return properties.map((name) => difference(twin, digital, component, name));
  });
}

function difference(twin: Twin, digital: JsonObject | undefined, component: string | undefined, name: string): Difference {
  const { desired, reported, acknowledgment } = standing(twin, component, name);
  const holder = component === undefined ? digital : asObject(digital?.[component]);
  const [verdict, tone] = verdictOf(desired, reported, acknowledgment?.state === "rejected");
  const path = component === undefined ? name : `${component}.${name}`;
  return { path, desired, reported, digital: holder?.[name], verdict, tone };
}

function verdictOf(desired: Json | undefined, reported: Json | undefined, isRejected: boolean): [string, Tone] {
  if (desired === undefined) return reported === undefined ? ["removed", "quiet"] : ["only reported", "quiet"];
  // What is refused may be repeated as it came.
  if (isRejected) return ["rejected", "bad"];
  if (equal(desired, reported)) return ["the same", "good"];
  return reported === undefined ? ["not reported", "wait"] : ["differs", "wait"];
}
