import { asObject } from "../json.ts";
import { cells } from "../live/cells.ts";
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
export function columns(model: Interface | undefined, seen: ReadonlySet<string>): Column[] {
  const named = [...(model?.telemetry ?? []), ...(model?.properties ?? [])];
  const all = new Map<string, Column>();
  for (const one of named) all.set(path(one), { path: path(one), title: one.title, unit: one.unit, schema: one.schema });
  for (const name of seen) {
    if (!all.has(name) && !isOfHost(name)) all.set(name, { path: name, title: name, unit: undefined, schema: undefined });
  }
  return [...all.values()];
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
