import { asObject, type Json, type JsonObject } from "../json.ts";
import { moment } from "../words.ts";
import { ask, part } from "./request.ts";

/** One half of a twin. */
export interface Section {
  readonly values: JsonObject;
  readonly metadata: JsonObject;
  readonly version: number;
}

/** What a list shows of a device. */
export interface Listed {
  readonly device: string;
  readonly model: string | undefined;
  readonly connected: boolean;
  readonly blocked: boolean;
  readonly lastActivity: number | undefined;
}

/** A device as the hub sees it. */
export interface Twin extends Listed {
  readonly tags: JsonObject;
  readonly desired: Section;
  readonly reported: Section;
}

/** The twin of a device. */
export async function twin(device: string): Promise<Twin> {
  return readTwin((await ask(`/twins/${part(device)}`)).body);
}

/** The digital twin of a device: its properties as its model has them, with what is wanted and acknowledged in `$metadata`. */
export async function digitalTwin(device: string): Promise<JsonObject> {
  return asObject((await ask(`/digitaltwins/${part(device)}`)).body) ?? {};
}

/** Sets a desired property, of a component if one is named. */
export async function setDesired(
  device: string,
  component: string | undefined,
  name: string,
  value: Json,
): Promise<Twin> {
  const desired = component ? { [component]: { __t: "c", [name]: value } } : { [name]: value };
  const body = { properties: { desired } };
  return readTwin((await ask(`/twins/${part(device)}`, { method: "PATCH", body })).body);
}

/** Reads of Azure's `Twin` what a list shows. */
export function readListed(body: Json): Listed {
  const twin = asObject(body) ?? {};
  return {
    device: String(twin["deviceId"]),
    model: typeof twin["modelId"] === "string" && twin["modelId"] ? twin["modelId"] : undefined,
    connected: twin["connectionState"] === "Connected",
    blocked: twin["status"] === "disabled",
    lastActivity: moment(twin["lastActivityTime"] as string | undefined),
  };
}

/** Reads Azure's `Twin`. */
export function readTwin(body: Json): Twin {
  const twin = asObject(body) ?? {};
  const properties = asObject(twin["properties"]) ?? {};
  return {
    ...readListed(body),
    tags: asObject(twin["tags"]) ?? {},
    desired: section(properties["desired"]),
    reported: section(properties["reported"]),
  };
}

function section(json: Json | undefined): Section {
  const { $metadata, $version, ...values } = asObject(json) ?? {};
  return { values, metadata: asObject($metadata) ?? {}, version: Number($version ?? 0) };
}
