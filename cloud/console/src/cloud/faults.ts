import type { Json, JsonObject } from "../json.ts";
import { ask } from "./request.ts";

/** A fault as the cloud names it: alone, or with its settings. */
export type Named = string | { [name: string]: JsonObject };

/** A fault that is on. */
export interface Standing {
  readonly fault: Named;
  /** For which device only. */
  readonly device?: string;
  readonly since: string;
  /** When it ends by itself. */
  readonly until?: string;
}

/** Something to be done to the network, the hub or the provisioning service. */
export interface Order {
  fault?: Named;
  stroke?: string;
  /** `false` ends the fault. */
  on?: boolean;
  device?: string;
  /** How long it lasts, such as `30s`. */
  for?: string;
}

/** The faults that are on. */
export async function standing(): Promise<Standing[]> {
  return (await ask("/api/faults")).body as unknown as Standing[];
}

/** Begins, ends or strikes. Answers with what is on then. */
export async function give(order: Order): Promise<Standing[]> {
  const body = order as unknown as Json;
  return (await ask("/api/faults", { method: "POST", body })).body as unknown as Standing[];
}

/** Ends every fault. */
export async function clear(): Promise<Standing[]> {
  return (await ask("/api/faults", { method: "DELETE" })).body as unknown as Standing[];
}

/** The name of a fault, without its settings. */
export function nameOf(fault: Named): string {
  return typeof fault === "string" ? fault : (Object.keys(fault)[0] ?? "fault");
}
