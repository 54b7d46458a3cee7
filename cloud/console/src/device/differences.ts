import { componentNames, propertyNames, propertyState } from "../api/propertyState.ts";
import type { Twin } from "../api/twin.ts";
import type { Tone } from "../components/Chip.tsx";
import { asObject, equal, type Json, type JsonObject } from "../json.ts";

/** Property in desired, reported and digital-twin form. */
export interface Difference {
  readonly path: string;
  readonly desired: Json | undefined;
  readonly reported: Json | undefined;
  /** `undefined` also without a digital twin. */
  readonly digital: Json | undefined;
  readonly status: string;
  readonly tone: Tone;
}

/** Compares all properties: root component first, then each component; desired properties first. */
export function differences(twin: Twin, digital: JsonObject | undefined): Difference[] {
  const components = [
    ...new Set([...componentNames(twin.desired), ...componentNames(twin.reported)]),
  ];
  return [undefined, ...components].flatMap((component) => {
    const names = new Set([
      ...propertyNames(twin.desired, component),
      ...propertyNames(twin.reported, component),
    ]);
    const properties = [...names].filter(
      (name) => component !== undefined || !components.includes(name),
    );
    return properties.map((name) => difference(twin, digital, component, name));
  });
}

function difference(
  twin: Twin,
  digital: JsonObject | undefined,
  component: string | undefined,
  name: string,
): Difference {
  const { desired, reported, acknowledgment } = propertyState(twin, component, name);
  const digitalSection = component === undefined ? digital : asObject(digital?.[component]);
  const [status, tone] = compare(desired, reported, acknowledgment?.state === "rejected");
  const path = component === undefined ? name : `${component}.${name}`;
  return { path, desired, reported, digital: digitalSection?.[name], status, tone };
}

function compare(
  desired: Json | undefined,
  reported: Json | undefined,
  isRejected: boolean,
): [string, Tone] {
  if (desired === undefined)
    return reported === undefined ? ["Removed", "neutral"] : ["Reported only", "neutral"];
  // A device may report a rejected value unchanged.
  if (isRejected) return ["Rejected", "danger"];
  if (equal(desired, reported)) return ["In sync", "success"];
  return reported === undefined ? ["Not reported", "warning"] : ["Differs", "warning"];
}
