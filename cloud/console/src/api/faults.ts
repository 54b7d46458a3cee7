import type { Json, JsonObject } from "../json.ts";
import { callApi } from "./request.ts";

/** Name of a fault, or its name with its settings. */
export type Fault = string | { [name: string]: JsonObject };

/** Active fault. */
export interface ActiveFault {
  readonly fault: Fault;
  /** Device the fault is limited to. */
  readonly device?: string;
  readonly since: string;
  /** Time at which the cloud clears the fault. */
  readonly until?: string;
}

/** Request to start or clear a fault, or to trigger a one-shot fault. */
export interface FaultRequest {
  fault?: Fault;
  oneShot?: string;
  /** `false` clears the fault. */
  on?: boolean;
  device?: string;
  /** Duration, such as `30s`. */
  duration?: string;
}

/** Lists the active faults. */
export async function listActiveFaults(): Promise<ActiveFault[]> {
  return (await callApi("/api/faults")).body as unknown as ActiveFault[];
}

/** Starts, clears or triggers a fault, and returns the active faults. */
export async function postFault(request: FaultRequest): Promise<ActiveFault[]> {
  const body = request as unknown as Json;
  return (await callApi("/api/faults", { method: "POST", body })).body as unknown as ActiveFault[];
}

/** Clears all faults. */
export async function clearFaults(): Promise<ActiveFault[]> {
  return (await callApi("/api/faults", { method: "DELETE" })).body as unknown as ActiveFault[];
}

/** Returns the name of a fault, without its settings. */
export function faultName(fault: Fault): string {
  return typeof fault === "string" ? fault : (Object.keys(fault)[0] ?? "fault");
}
