import { asObject, type Json } from "../json.ts";
import { ask, part } from "./request.ts";

/** Seconds a device may take to answer. */
const RESPONSE_TIMEOUT = 30;

/** What a device answered to a command. */
export interface Reply {
  /** The device's own status. */
  readonly status: number;
  readonly payload: Json;
  /** Milliseconds until the answer was here. */
  readonly took: number;
}

/**
 * Calls a command; `component*command` for a component's.
 *
 * @throws {Problem} If the device is not connected, or does not answer.
 */
export async function call(device: string, name: string, payload: Json | undefined): Promise<Reply> {
  const body: Json = { methodName: name, responseTimeoutInSeconds: RESPONSE_TIMEOUT };
  if (payload !== undefined) body["payload"] = payload;
  const begun = performance.now();
  const answer = asObject((await ask(`/twins/${part(device)}/methods`, { method: "POST", body })).body);
  return {
    status: Number(answer?.["status"]),
    payload: answer?.["payload"] ?? null,
    took: performance.now() - begun,
  };
}
