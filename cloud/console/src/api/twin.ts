import { parseTime } from "../format.ts";
import { asObject, type Json, type JsonObject } from "../json.ts";
import { callApi, pathSegment } from "./request.ts";

/** Desired or reported properties of a twin. */
export interface TwinSection {
  readonly values: JsonObject;
  readonly metadata: JsonObject;
  readonly version: number;
}

/** Device as shown in the device list. */
export interface DeviceSummary {
  readonly device: string;
  readonly model: string | undefined;
  readonly connected: boolean;
  readonly blocked: boolean;
  readonly lastActivity: number | undefined;
}

/** Device twin. */
export interface Twin extends DeviceSummary {
  readonly tags: JsonObject;
  readonly desired: TwinSection;
  readonly reported: TwinSection;
}

/** Returns the twin of a device. */
export async function getTwin(device: string): Promise<Twin> {
  return parseTwin((await callApi(`/twins/${pathSegment(device)}`)).body);
}

/**
 * Returns the digital twin of a device: properties by component, with desired values and
 * acknowledgments in `$metadata`.
 */
export async function getDigitalTwin(device: string): Promise<JsonObject> {
  return asObject((await callApi(`/digitaltwins/${pathSegment(device)}`)).body) ?? {};
}

/** Sets a desired property of the root component or of a named component. */
export async function setDesired(
  device: string,
  component: string | undefined,
  name: string,
  value: Json,
): Promise<Twin> {
  const desired = component ? { [component]: { __t: "c", [name]: value } } : { [name]: value };
  const body = { properties: { desired } };
  return parseTwin(
    (await callApi(`/twins/${pathSegment(device)}`, { method: "PATCH", body })).body,
  );
}

/** Property of a component, or of the root component. */
interface PropertyName {
  readonly component: string | undefined;
  readonly name: string;
}

/** Tag with the cloud properties of a device. */
const CLOUD_PROPERTIES = "cloudProperties";

/** Returns the value of a cloud property. */
export function cloudProperty(twin: Twin, { component, name }: PropertyName): Json | undefined {
  const all = asObject(twin.tags[CLOUD_PROPERTIES]);
  const properties = component === undefined ? all : asObject(all?.[component]);
  return properties?.[name];
}

/** Sets a cloud property; `current` is its value before. */
export async function setCloudProperty(
  device: string,
  { component, name }: PropertyName,
  current: Json | undefined,
  next: Json,
): Promise<void> {
  const value = replacement(current, next);
  const properties =
    component === undefined ? { [name]: value } : { [component]: { [name]: value } };
  const body = { tags: { [CLOUD_PROPERTIES]: properties } };
  await callApi(`/twins/${pathSegment(device)}`, { method: "PATCH", body });
}

/** Returns the merge patch that makes a value of another: members that are gone are null. */
export function replacement(current: Json | undefined, next: Json): Json {
  const [from, to] = [asObject(current), asObject(next)];
  if (!from || !to) return next;
  const names = [...new Set([...Object.keys(from), ...Object.keys(to)])];
  return Object.fromEntries(names.map((name) => [name, replacement(from[name], to[name] ?? null)]));
}

/** Parses the part of an Azure `Twin` that the device list shows. */
export function parseDeviceSummary(body: Json): DeviceSummary {
  const twin = asObject(body) ?? {};
  return {
    device: String(twin.deviceId),
    model: typeof twin.modelId === "string" && twin.modelId ? twin.modelId : undefined,
    connected: twin.connectionState === "Connected",
    blocked: twin.status === "disabled",
    lastActivity: parseTime(twin.lastActivityTime as string | undefined),
  };
}

/** Parses an Azure `Twin`. */
export function parseTwin(body: Json): Twin {
  const twin = asObject(body) ?? {};
  const properties = asObject(twin.properties) ?? {};
  return {
    ...parseDeviceSummary(body),
    tags: asObject(twin.tags) ?? {},
    desired: parseSection(properties.desired),
    reported: parseSection(properties.reported),
  };
}

function parseSection(json: Json | undefined): TwinSection {
  const { $metadata, $version, ...values } = asObject(json) ?? {};
  return { values, metadata: asObject($metadata) ?? {}, version: Number($version ?? 0) };
}
