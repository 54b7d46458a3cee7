import { asObject, type Json, type JsonObject } from "../json.ts";
import { moment } from "../words.ts";
import type { Section, Twin } from "./twin.ts";

/** What has become of a desired property. */
export type Acknowledgment =
  | { state: "pending"; version: number }
  | { state: "accepted" | "rejected"; version: number; code: number; why: string | undefined; took: number | undefined };

/** A property as both sides have it. */
export interface Standing {
  readonly desired: Json | undefined;
  readonly reported: Json | undefined;
  /** When the device last reported it. */
  readonly at: number | undefined;
  readonly acknowledgment: Acknowledgment | undefined;
}

/** How a property of the twin stands. */
export function standing(twin: Twin, component: string | undefined, name: string): Standing {
  const desired = within(twin.desired, component);
  const reported = within(twin.reported, component);
  const answer = acknowledging(reported.values[name]);
  const metadata = asObject(reported.metadata[name]);
  return {
    desired: desired.values[name],
    reported: answer ? answer["value"] : reported.values[name],
    at: moment(metadata?.["$lastUpdated"] as string | undefined),
    acknowledgment: acknowledgment(desired, answer, metadata, name),
  };
}

/** The names of the properties in a section or one of its components. */
export function names(section: Section, component?: string): string[] {
  return Object.keys(within(section, component).values).filter((name) => name !== "__t");
}

/** The components whose properties are in a section. */
export function components(section: Section): string[] {
  return Object.keys(section.values).filter((name) => asObject(section.values[name])?.["__t"] === "c");
}

/** The value as an acknowledgment of the Plug and Play convention, if it is one. That of a removed value has no `value`. */
export function acknowledging(value: Json | undefined): JsonObject | undefined {
  const object = asObject(value);
  return object && "ac" in object && "av" in object ? object : undefined;
}

function acknowledgment(
  desired: Pick<Section, "values" | "metadata">,
  answer: JsonObject | undefined,
  metadata: JsonObject | undefined,
  name: string,
): Acknowledgment | undefined {
  if (desired.values[name] === undefined) return undefined;
  const asked = asObject(desired.metadata[name]);
  const version = Number(asked?.["$lastUpdatedVersion"] ?? 0);
  if (!answer || Number(answer["av"]) < version) return { state: "pending", version };
  const code = Number(answer["ac"]);
  return {
    state: code >= 200 && code < 300 ? "accepted" : "rejected",
    version: Number(answer["av"]),
    code,
    why: typeof answer["ad"] === "string" && answer["ad"] ? answer["ad"] : undefined,
    took: between(asked, metadata),
  };
}

function between(asked: JsonObject | undefined, answered: JsonObject | undefined): number | undefined {
  const from = moment(asked?.["$lastUpdated"] as string | undefined);
  const to = moment(answered?.["$lastUpdated"] as string | undefined);
  return from !== undefined && to !== undefined && to >= from ? to - from : undefined;
}

function within(section: Section, component: string | undefined): Pick<Section, "values" | "metadata"> {
  if (!component) return section;
  return {
    values: asObject(section.values[component]) ?? {},
    metadata: asObject(section.metadata[component]) ?? {},
  };
}
