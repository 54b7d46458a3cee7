import { parseTime } from "../format.ts";
import { asObject, type Json, type JsonObject } from "../json.ts";
import type { Twin, TwinSection } from "./twin.ts";

/** Acknowledgment of a desired property. */
export type Acknowledgment =
  | { state: "pending"; version: number }
  | {
      state: "accepted" | "rejected";
      version: number;
      code: number;
      description: string | undefined;
      latency: number | undefined;
    };

/** Desired and reported value of a property. */
export interface PropertyState {
  readonly desired: Json | undefined;
  readonly reported: Json | undefined;
  /** Time of the last report. */
  readonly reportedAt: number | undefined;
  readonly acknowledgment: Acknowledgment | undefined;
}

/** Returns the state of a property of the twin. */
export function propertyState(
  twin: Twin,
  component: string | undefined,
  name: string,
): PropertyState {
  const desired = componentSection(twin.desired, component);
  const reported = componentSection(twin.reported, component);
  const acknowledged = asAcknowledgment(reported.values[name]);
  const metadata = asObject(reported.metadata[name]);
  return {
    desired: desired.values[name],
    reported: acknowledged ? acknowledged.value : reported.values[name],
    reportedAt: parseTime(metadata?.$lastUpdated as string | undefined),
    acknowledgment: readAcknowledgment(desired, acknowledged, metadata, name),
  };
}

/** Returns the names of the properties in a section or in one of its components. */
export function propertyNames(section: TwinSection, component?: string): string[] {
  return Object.keys(componentSection(section, component).values).filter((name) => name !== "__t");
}

/** Returns the names of the components in a section. */
export function componentNames(section: TwinSection): string[] {
  return Object.keys(section.values).filter((name) => asObject(section.values[name])?.__t === "c");
}

/**
 * Returns a value that is a Plug and Play acknowledgment. The acknowledgment of a removed value
 * has no `value`.
 */
export function asAcknowledgment(value: Json | undefined): JsonObject | undefined {
  const object = asObject(value);
  return object && "ac" in object && "av" in object ? object : undefined;
}

function readAcknowledgment(
  desired: Pick<TwinSection, "values" | "metadata">,
  acknowledged: JsonObject | undefined,
  metadata: JsonObject | undefined,
  name: string,
): Acknowledgment | undefined {
  if (desired.values[name] === undefined) return undefined;
  const requested = asObject(desired.metadata[name]);
  const version = Number(requested?.$lastUpdatedVersion ?? 0);
  if (!acknowledged || Number(acknowledged.av) < version) return { state: "pending", version };
  const code = Number(acknowledged.ac);
  return {
    state: code >= 200 && code < 300 ? "accepted" : "rejected",
    version: Number(acknowledged.av),
    code,
    description:
      typeof acknowledged.ad === "string" && acknowledged.ad ? acknowledged.ad : undefined,
    latency: elapsed(requested, metadata),
  };
}

function elapsed(
  requested: JsonObject | undefined,
  acknowledged: JsonObject | undefined,
): number | undefined {
  const from = parseTime(requested?.$lastUpdated as string | undefined);
  const to = parseTime(acknowledged?.$lastUpdated as string | undefined);
  return from !== undefined && to !== undefined && to >= from ? to - from : undefined;
}

function componentSection(
  section: TwinSection,
  component: string | undefined,
): Pick<TwinSection, "values" | "metadata"> {
  if (!component) return section;
  return {
    values: asObject(section.values[component]) ?? {},
    metadata: asObject(section.metadata[component]) ?? {},
  };
}
