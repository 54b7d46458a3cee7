import { asObject, type Json } from "../json.ts";

/** Fields of every record. */
interface RecordBase {
  readonly sequence: number;
  readonly time: string;
  readonly device?: string;
}

/** MQTT packet. `operation` and the fields after it are present for packets on Azure topics. */
export interface PacketRecord extends RecordBase {
  readonly kind: "packet";
  readonly connection: number;
  /** `up` is device to cloud. */
  readonly direction: "up" | "down";
  readonly packet: string;
  readonly packetId?: number;
  readonly code?: number;
  readonly codes?: number[];
  readonly filters?: Json[];
  readonly topic?: string;
  readonly operation?: string;
  readonly rid?: string;
  readonly version?: string;
  readonly status?: number;
  readonly method?: string;
  readonly properties?: { [name: string]: string };
  readonly body?: Json;
  readonly text?: string;
  readonly base64?: string;
  readonly size?: number;
  /** True if the payload is truncated. */
  readonly truncated?: boolean;
}

/** Malformed packet, or end of a connection. */
export interface ConnectionRecord extends RecordBase {
  readonly kind: "malformed" | "ended";
  readonly connection: number;
  readonly reason: string;
}

/** REST request of an operator. */
export interface RequestRecord extends RecordBase {
  readonly kind: "request";
  readonly method: string;
  readonly path: string;
  readonly status: number;
  readonly durationMs: number;
  /** True if the console sent it. */
  readonly console: boolean;
}

/** Record of the trace. */
export type TraceRecord = PacketRecord | ConnectionRecord | RequestRecord;

/** Groups to filter by. */
export const TRACE_GROUPS = ["messages", "twin", "commands", "connection", "requests"] as const;
export type TraceGroup = (typeof TRACE_GROUPS)[number];

const OPERATIONS: Record<string, { group: TraceGroup; title: string }> = {
  telemetry: { group: "messages", title: "telemetry" },
  message: { group: "messages", title: "C2D message" },
  "twin-get": { group: "twin", title: "twin GET" },
  "twin-response": { group: "twin", title: "twin response" },
  report: { group: "twin", title: "reported properties" },
  desired: { group: "twin", title: "desired properties" },
  "method-call": { group: "commands", title: "command" },
  "method-response": { group: "commands", title: "command response" },
  register: { group: "connection", title: "registration" },
  "register-status": { group: "connection", title: "registration status" },
  "register-response": { group: "connection", title: "registration response" },
};

/** Returns the group of a record. */
export function groupOf(record: TraceRecord): TraceGroup {
  if (record.kind === "request") return "requests";
  if (record.kind !== "packet") return "connection";
  if (record.packet === "PUBACK") return "messages";
  return (
    OPERATIONS[record.operation ?? ""]?.group ??
    (record.packet === "PUBLISH" ? "messages" : "connection")
  );
}

/** Returns true for acknowledgments, pings and reads of the console. */
export function isRoutine(record: TraceRecord): boolean {
  if (record.kind === "request") return record.console && record.method === "GET";
  return record.kind === "packet" && ["PUBACK", "PINGREQ", "PINGRESP"].includes(record.packet);
}

/** Returns the title of a record. */
export function recordTitle(record: TraceRecord): string {
  if (record.kind === "request") return `${record.method} ${decodedPath(record)}`;
  if (record.kind !== "packet")
    return record.kind === "ended" ? "connection closed" : "malformed packet";
  const operation = OPERATIONS[record.operation ?? ""];
  if (!operation) return [record.packet, record.topic].filter(Boolean).join(" ");
  const version = record.operation === "desired" && record.version ? ` v${record.version}` : "";
  return [operation.title + version, record.method, record.status]
    .filter((part) => part !== undefined)
    .join(" ");
}

/** Returns the decoded path of a request, or the original one if it cannot be decoded. */
function decodedPath(request: RequestRecord): string {
  const path = request.path.split("?")[0] ?? "";
  try {
    return decodeURIComponent(path);
  } catch {
    return path;
  }
}

/** Returns the content of a record in one line. */
export function recordContent(record: TraceRecord): string {
  if (record.kind === "request") return `status ${record.status}`;
  if (record.kind !== "packet") return record.reason;
  if (record.body !== undefined) return JSON.stringify(record.body);
  if (record.text !== undefined) return record.text;
  if (record.base64 !== undefined) return `${record.size} bytes`;
  if (record.code !== undefined) return record.code === 0 ? "accepted" : `refused: ${record.code}`;
  if (record.codes)
    return record.codes.map((code) => (code === 128 ? "refused" : `QoS ${code}`)).join(", ");
  return (record.filters ?? []).map((filter) => asObject(filter)?.filter ?? filter).join(", ");
}

/** Returns true if the payload must be JSON: always except for messages of another content type. */
function isJsonExpected({ operation, properties }: PacketRecord): boolean {
  const hasContentType = operation === "telemetry" || operation === "message";
  return hasContentType
    ? /^application\/json\b/i.test(properties?.["$.ct"] ?? "")
    : operation !== undefined;
}

/** Returns the error in the payload of a packet. */
export function payloadError(record: TraceRecord): string | undefined {
  const hasPayload = record.kind === "packet" && (record.size ?? 0) > 0 && !record.truncated;
  return hasPayload && record.body === undefined && isJsonExpected(record)
    ? "invalid JSON"
    : undefined;
}

/** Returns true if a record shows an error. */
export function isError(record: TraceRecord): boolean {
  if (payloadError(record)) return true;
  if ("reason" in record) return record.kind === "malformed";
  if (record.kind === "packet" && (record.codes?.includes(128) || (record.code ?? 0) !== 0))
    return true;
  return (record.status ?? 0) >= 400;
}
