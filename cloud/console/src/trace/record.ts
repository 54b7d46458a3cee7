import { asObject, type Json } from "../json.ts";

/** What every record has. */
interface Base {
  readonly sequence: number;
  readonly time: string;
  readonly device?: string;
}

/** A packet of MQTT. `means` and what follows are there if it is on a topic of Azure's. */
export interface PacketRecord extends Base {
  readonly kind: "packet";
  readonly connection: number;
  /** `up` is from the device. */
  readonly way: "up" | "down";
  readonly packet: string;
  readonly packetId?: number;
  readonly code?: number;
  readonly codes?: number[];
  readonly filters?: Json[];
  readonly topic?: string;
  readonly means?: string;
  readonly rid?: string;
  readonly version?: string;
  readonly status?: number;
  readonly method?: string;
  readonly properties?: { [name: string]: string };
  readonly body?: Json;
  readonly text?: string;
  readonly base64?: string;
  readonly size?: number;
  /** Whether only the beginning of the payload is kept. */
  readonly cut?: boolean;
}

/** What could not be read, or the end of a connection. */
export interface BreakRecord extends Base {
  readonly kind: "malformed" | "ended";
  readonly connection: number;
  readonly reason: string;
}

/** A request of an operator's. */
export interface RequestRecord extends Base {
  readonly kind: "request";
  readonly method: string;
  readonly path: string;
  readonly status: number;
  readonly milliseconds: number;
  /** Whether it came from a page like this one. */
  readonly console: boolean;
}

/** One thing that crossed the wire. */
export type TraceRecord = PacketRecord | BreakRecord | RequestRecord;

/** Groups to choose from. */
export const GROUPS = ["messages", "twin", "commands", "connection", "requests"] as const;
export type Group = (typeof GROUPS)[number];

const MEANINGS: Record<string, { group: Group; title: string }> = {
  telemetry: { group: "messages", title: "telemetry" },
  message: { group: "messages", title: "message to the device" },
  "twin-get": { group: "twin", title: "asks for its twin" },
  "twin-answer": { group: "twin", title: "answer" },
  report: { group: "twin", title: "reports" },
  desired: { group: "twin", title: "desired" },
  call: { group: "commands", title: "command" },
  "call-answer": { group: "commands", title: "answer" },
  register: { group: "connection", title: "registers" },
  "register-status": { group: "connection", title: "asks how registering goes" },
  "register-answer": { group: "connection", title: "answer" },
};

/** The group a record belongs to. */
export function groupOf(record: TraceRecord): Group {
  if (record.kind === "request") return "requests";
  if (record.kind !== "packet") return "connection";
  if (record.packet === "PUBACK") return "messages";
  return MEANINGS[record.means ?? ""]?.group ?? (record.packet === "PUBLISH" ? "messages" : "connection");
}

/** Whether a record only says that another one has come, or that the connection lives. */
export function isRoutine(record: TraceRecord): boolean {
  if (record.kind === "request") return record.console && record.method === "GET";
  return record.kind === "packet" && ["PUBACK", "PINGREQ", "PINGRESP"].includes(record.packet);
}

/** A record in few words. */
export function titleOf(record: TraceRecord): string {
  if (record.kind === "request") return `${record.method} ${pathOf(record)}`;
  if (record.kind !== "packet") return record.kind === "ended" ? "connection ended" : "malformed packet";
  const meaning = MEANINGS[record.means ?? ""];
  if (!meaning) return [record.packet, record.topic].filter(Boolean).join(" ");
  const version = record.means === "desired" && record.version ? ` v${record.version}` : "";
  return [meaning.title + version, record.method, record.status].filter((part) => part !== undefined).join(" ");
}

/** The path as it is meant; one that cannot be read stays as it is. */
function pathOf(request: RequestRecord): string {
  const path = request.path.split("?")[0] ?? "";
  try {
    return decodeURIComponent(path);
  } catch {
    return path;
  }
}

/** What a record carries, in one line. */
export function contentOf(record: TraceRecord): string {
  if (record.kind === "request") return `status ${record.status}`;
  if (record.kind !== "packet") return record.reason;
  if (record.body !== undefined) return JSON.stringify(record.body);
  if (record.text !== undefined) return record.text;
  if (record.base64 !== undefined) return `${record.size} bytes`;
  if (record.code !== undefined) return record.code === 0 ? "accepted" : `refused: ${record.code}`;
  if (record.codes) return record.codes.map((code) => (code === 128 ? "refused" : `QoS ${code}`)).join(", ");
  return (record.filters ?? []).map((filter) => asObject(filter)?.["filter"] ?? filter).join(", ");
}

/** What is always JSON: everything but messages. */
function isMeantAsJson({ means, properties }: PacketRecord): boolean {
  const isMessage = means === "telemetry" || means === "message";
  return isMessage ? /^application\/json\b/i.test(properties?.["$.ct"] ?? "") : means !== undefined;
}

/** What is wrong with the payload of a packet, if that can be told. */
export function flawOf(record: TraceRecord): string | undefined {
  const hasPayload = record.kind === "packet" && (record.size ?? 0) > 0 && !record.cut;
  return hasPayload && record.body === undefined && isMeantAsJson(record) ? "no JSON" : undefined;
}

/** Whether a record tells of something that went wrong. */
export function isBad(record: TraceRecord): boolean {
  if (flawOf(record)) return true;
  if ("reason" in record) return record.kind === "malformed";
  if (record.kind === "packet" && (record.codes?.includes(128) || (record.code ?? 0) !== 0)) return true;
  return (record.status ?? 0) >= 400;
}
