import { asObject, type Json, type JsonObject } from "../json.ts";
import { ask, part, Problem } from "./request.ts";
import { type Listed, readListed } from "./twin.ts";

/** How many devices are asked for at a time. */
const PAGE = "1000";
/** Only what the list shows: whole twins of a thousand devices are several times as much. */
const QUERY = "SELECT deviceId, modelId, connectionState, status, lastActivityTime FROM devices";

/** A pair of keys, in base64. */
export interface Keys {
  readonly primaryKey: string;
  readonly secondaryKey: string;
}

/** What the page tells of the cloud itself. */
export interface About {
  readonly hubName: string;
  readonly dpsName: string;
  readonly idScope: string;
  readonly certificate: string;
  /** Whether a host beside the cloud lets it look at its component, and change it. */
  readonly hostControl: boolean;
}

/** All devices. */
export async function devices(): Promise<Listed[]> {
  const all: Listed[] = [];
  let continuation: string | null = null;
  do {
    const headers: Record<string, string> = { "x-ms-max-item-count": PAGE };
    if (continuation) headers["x-ms-continuation"] = continuation;
    const order = { method: "POST", headers, body: { query: QUERY } } as const;
    const page = await ask("/devices/query", order);
    all.push(...(page.body as Json[]).map(readListed));
    continuation = page.continuation;
  } while (continuation);
  return all;
}

/** Lets a device connect: by provisioning, and with a connection string. Both have the same keys. */
export async function enrol(device: string): Promise<void> {
  const attestation = { type: "symmetricKey" };
  const enrolment = { registrationId: device, attestation };
  const made = await ask(`/enrollments/${part(device)}`, { method: "PUT", body: enrolment });
  const symmetricKey = keysAt(made.body, "attestation");
  const registration = { deviceId: device, authentication: { type: "sas", symmetricKey } };
  await ask(`/devices/${part(device)}`, { method: "PUT", body: registration as unknown as Json });
}

/** Blocks a device, which ends its connection, or lets it in again. */
export async function setBlocked(device: string, blocked: boolean): Promise<void> {
  const body = { deviceId: device, status: blocked ? "disabled" : "enabled" };
  await ask(`/devices/${part(device)}`, { method: "PUT", headers: { "if-match": "*" }, body });
}

/** Removes a device with its twin and its enrolment: it cannot come back by itself. */
export async function remove(device: string): Promise<void> {
  const order = { method: "DELETE", headers: { "if-match": "*" } } as const;
  await ask(`/devices/${part(device)}`, order);
  await ask(`/enrollments/${part(device)}`, order).catch(unlessMissing);
  await ask(`/registrations/${part(device)}`, order).catch(unlessMissing);
}

/** The keys of a device. */
export async function keys(device: string): Promise<Keys> {
  return keysAt((await ask(`/devices/${part(device)}`)).body, "authentication");
}

/** Where devices find the cloud. */
export async function about(): Promise<About> {
  return (await ask("/api/cloud")).body as unknown as About;
}

function keysAt(body: Json, name: string): Keys {
  const holder = asObject(asObject(body)?.[name]);
  return asObject(holder?.["symmetricKey"]) as JsonObject & Keys;
}

/** A device that came by a group has no enrolment of its own. */
function unlessMissing(problem: unknown): void {
  if (!(problem instanceof Problem && problem.status === 404)) throw problem;
}
