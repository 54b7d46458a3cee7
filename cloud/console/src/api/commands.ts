import { asObject, type Json, type JsonObject } from "../json.ts";
import { callApi, pathSegment } from "./request.ts";

/** Seconds a device has to respond. */
const RESPONSE_TIMEOUT = 30;

/** Application property of a message that is a queued command, as in IoT Central. */
const METHOD_NAME = "method-name";

/** Milliseconds for which a command is queued, as in IoT Central. */
const QUEUE_TIME = 24 * 60 * 60 * 1000;

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

/**
 * Queues a command for a device as IoT Central does: as a cloud-to-device message with the payload
 * and the name. It has no response.
 */
export async function queueCommand(
  device: string,
  name: string,
  payload: Json | undefined,
): Promise<void> {
  const body: JsonObject = {
    expiryTimeUtc: new Date(Date.now() + QUEUE_TIME).toISOString(),
    properties: { [METHOD_NAME]: name },
  };
  if (payload === undefined) body.text = "";
  else body.body = payload;
  await callApi(`/api/devices/${pathSegment(device)}/messages`, { method: "POST", body });
}
