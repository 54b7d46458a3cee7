import { asObject, type Json } from "../json.ts";
import { callApi, pathSegment } from "./request.ts";

/** Seconds a device has to respond. */
const RESPONSE_TIMEOUT = 30;

/** Response of a device to a command. */
export interface CommandResponse {
  /** Status set by the device. */
  readonly status: number;
  readonly payload: Json;
  /** Milliseconds from the request to the response. */
  readonly duration: number;
}

/**
 * Invokes a command; `component*command` for a component.
 *
 * @throws {ApiError} If the device is not connected or does not respond.
 */
export async function invokeCommand(
  device: string,
  name: string,
  payload: Json | undefined,
): Promise<CommandResponse> {
  const body: Json = { methodName: name, responseTimeoutInSeconds: RESPONSE_TIMEOUT };
  if (payload !== undefined) body.payload = payload;
  const startedAt = performance.now();
  const response = asObject(
    (await callApi(`/twins/${pathSegment(device)}/methods`, { method: "POST", body })).body,
  );
  return {
    status: Number(response?.status),
    payload: response?.payload ?? null,
    duration: performance.now() - startedAt,
  };
}
