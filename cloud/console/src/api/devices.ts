import { asObject, type Json, type JsonObject } from "../json.ts";
import { ApiError, callApi, pathSegment } from "./request.ts";
import { type DeviceSummary, parseDeviceSummary } from "./twin.ts";

/** Devices per request. */
const PAGE_SIZE = "1000";
/**
 * Selects the columns of the device list only: whole twins of 1,000 devices are several times
 * larger.
 */
const QUERY = "SELECT deviceId, modelId, connectionState, status, lastActivityTime FROM devices";

/** Symmetric keys, in base64. */
export interface DeviceKeys {
  readonly primaryKey: string;
  readonly secondaryKey: string;
}

/** Endpoints and settings of the cloud. */
export interface CloudInfo {
  readonly hubName: string;
  readonly dpsName: string;
  readonly idScope: string;
  readonly certificate: string;
  /** File with the authorities of the system too, if there is one. */
  readonly caBundle: string | null;
  /** True if the cloud can control a host on this machine. */
  readonly hostControl: boolean;
}

/** Lists all devices. */
export async function listDevices(): Promise<DeviceSummary[]> {
  const all: DeviceSummary[] = [];
  let continuation: string | null = null;
  do {
    const headers: Record<string, string> = { "x-ms-max-item-count": PAGE_SIZE };
    if (continuation) headers["x-ms-continuation"] = continuation;
    const options = { method: "POST", headers, body: { query: QUERY } } as const;
    const page = await callApi("/devices/query", options);
    all.push(...(page.body as Json[]).map(parseDeviceSummary));
    continuation = page.continuation;
  } while (continuation);
  return all;
}

/** Creates an enrollment and a device identity with the same keys. */
export async function enrollDevice(device: string): Promise<void> {
  const attestation = { type: "symmetricKey" };
  const enrollment = { registrationId: device, attestation };
  const created = await callApi(`/enrollments/${pathSegment(device)}`, {
    method: "PUT",
    body: enrollment,
  });
  const symmetricKey = keysAt(created.body, "attestation");
  const registration = { deviceId: device, authentication: { type: "sas", symmetricKey } };
  await callApi(`/devices/${pathSegment(device)}`, {
    method: "PUT",
    body: registration as unknown as Json,
  });
}

/** Blocks a device, which closes its connection, or unblocks it. */
export async function setBlocked(device: string, blocked: boolean): Promise<void> {
  const body = { deviceId: device, status: blocked ? "disabled" : "enabled" };
  await callApi(`/devices/${pathSegment(device)}`, {
    method: "PUT",
    headers: { "if-match": "*" },
    body,
  });
}

/** Deletes a device with its twin, its enrollment and its registration. */
export async function deleteDevice(device: string): Promise<void> {
  const options = { method: "DELETE", headers: { "if-match": "*" } } as const;
  await callApi(`/devices/${pathSegment(device)}`, options);
  await callApi(`/enrollments/${pathSegment(device)}`, options).catch(ignoreNotFound);
  await callApi(`/registrations/${pathSegment(device)}`, options).catch(ignoreNotFound);
}

/** Returns the keys of a device. */
export async function getDeviceKeys(device: string): Promise<DeviceKeys> {
  return keysAt((await callApi(`/devices/${pathSegment(device)}`)).body, "authentication");
}

/** Returns the endpoints and settings of the cloud. */
export async function getCloudInfo(): Promise<CloudInfo> {
  return (await callApi("/api/cloud")).body as unknown as CloudInfo;
}

function keysAt(body: Json, name: string): DeviceKeys {
  const holder = asObject(asObject(body)?.[name]);
  return asObject(holder?.symmetricKey) as JsonObject & DeviceKeys;
}

/** Ignores 404: a device of an enrollment group has no enrollment of its own. */
function ignoreNotFound(error: unknown): void {
  if (!(error instanceof ApiError && error.status === 404)) throw error;
}
