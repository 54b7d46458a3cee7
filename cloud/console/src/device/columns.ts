import { asObject } from "../json.ts";
import type { CloudEvent } from "../live/event.ts";
import { eventValues } from "../live/eventValues.ts";
import { HOST_COMPONENT } from "../live/swap.ts";
import { capabilityPath, type Interface } from "../model/interface.ts";
import type { Bounds, Schema } from "../model/schema.ts";
import { valueViolation } from "../model/violation.ts";

/** Column of the raw data table: one capability. */
export interface Column {
  readonly path: string;
  readonly title: string;
  readonly unit: string | undefined;
  readonly bounds?: Bounds | undefined;
  readonly decimalPlaces?: number | undefined;
  /** `undefined` if the model does not define the capability. */
  readonly schema: Schema | undefined;
}

/**
 * Lists the columns of the model, followed by received capabilities that the model does not
 * define.
 */
export function columns(model: Interface | undefined, seen: ReadonlySet<string>): Column[] {
  const modelled = [...(model?.telemetry ?? []), ...(model?.properties ?? [])];
  const all = new Map<string, Column>();
  for (const one of modelled)
    all.set(capabilityPath(one), {
      path: capabilityPath(one),
      title: one.title,
      unit: one.unit,
      bounds: one.bounds,
      decimalPlaces: one.decimalPlaces,
      schema: one.schema,
    });
  for (const name of seen) {
    if (!all.has(name) && !isHostProperty(name))
      all.set(name, { path: name, title: name, unit: undefined, schema: undefined });
  }
  return [...all.values()];
}

/** Returns the first schema violation of an event. */
export function findViolation(
  event: CloudEvent,
  columns: Map<string, Column>,
  isModelled: boolean,
): string | undefined {
  if (event.type !== "telemetry" && event.type !== "reported") return undefined;
  if (event.type === "telemetry" && !asObject(event.body))
    return "body is not a JSON object, or its content type is not JSON";
  if (!isModelled) return undefined;
  for (const [name, value] of eventValues(event)) {
    if (isHostProperty(name)) continue;
    const { schema, bounds } = columns.get(name) ?? {};
    const violation = schema ? valueViolation({ schema, bounds }, value) : "is not in the model";
    if (violation && value !== null) return `${name} ${violation}`;
  }
  return undefined;
}

/** Tells properties of the host component from those of the device. */
function isHostProperty(path: string): boolean {
  return path.startsWith(`${HOST_COMPONENT}.`);
}
