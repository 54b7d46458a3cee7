import { signal } from "@preact/signals";
import { asObject, type Json } from "../json.ts";
import type { PacketRecord, TraceRecord } from "./traceRecord.ts";

/** Maximum number of records. */
const MAX_RECORDS = 5000;

/** Request and response that belong together. */
export interface RoundTrip {
  readonly other: number;
  /** Milliseconds from the request to the response. */
  readonly duration: number;
  /** True if this record is the response. */
  readonly isResponse: boolean;
}

/** Request packet of each response packet. */
const RESPONSE_PACKETS: Record<string, string> = {
  CONNACK: "CONNECT",
  SUBACK: "SUBSCRIBE",
  UNSUBACK: "UNSUBSCRIBE",
  PUBACK: "PUBLISH",
  PINGRESP: "PINGREQ",
};
const REQUEST_OPERATIONS = new Set([
  "twin-get",
  "report",
  "register",
  "register-status",
  "method-call",
]);
const RESPONSE_OPERATIONS = new Set(["twin-response", "register-response", "method-response"]);

/** Trace of a device, with requests and responses matched. */
export class TraceLog {
  readonly changes = signal(0);
  /** Records, newest last. */
  readonly records: TraceRecord[] = [];
  private readonly roundTrips = new Map<number, RoundTrip>();
  private readonly openRequests = new Map<string, PacketRecord>();

  append(records: TraceRecord[]): void {
    for (const record of records) {
      // A restarted cloud counts from the beginning.
      if (record.sequence <= (this.records.at(-1)?.sequence ?? 0)) this.reset();
      this.records.push(record);
      if (record.kind === "packet") this.match(record);
    }
    if (this.records.length > MAX_RECORDS * 1.1) this.trim();
    this.changes.value++;
  }

  /** Returns the round trip of a record. */
  roundTripOf(record: TraceRecord): RoundTrip | undefined {
    return this.roundTrips.get(record.sequence);
  }

  private match(record: PacketRecord): void {
    const request = responseKeys(record)
      .map((key) => this.openRequests.get(key))
      .find((request) => request !== undefined);
    if (request) this.pair(request, record);
    for (const key of requestKeys(record)) this.openRequests.set(key, record);
  }

  private pair(request: PacketRecord, response: PacketRecord): void {
    const duration = milliseconds(response.time) - milliseconds(request.time);
    for (const key of requestKeys(request)) this.openRequests.delete(key);
    this.roundTrips.set(request.sequence, {
      other: response.sequence,
      duration,
      isResponse: false,
    });
    this.roundTrips.set(response.sequence, { other: request.sequence, duration, isResponse: true });
  }

  private reset(): void {
    this.records.length = 0;
    this.roundTrips.clear();
    this.openRequests.clear();
  }

  private trim(): void {
    const dropped = this.records.splice(0, this.records.length - MAX_RECORDS);
    const sequences = new Set(dropped.map((record) => record.sequence));
    for (const sequence of sequences) this.roundTrips.delete(sequence);
    for (const [key, record] of this.openRequests)
      if (sequences.has(record.sequence)) this.openRequests.delete(key);
  }
}

/** Parses a time to fractional milliseconds. */
function milliseconds(time: string): number {
  const fraction = /\.\d{3}(\d+)/.exec(time)?.[1] ?? "0";
  return Date.parse(time) + Number(`0.${fraction}`);
}

/** Returns the keys that the response to a packet will match. */
function requestKeys(record: PacketRecord): string[] {
  const { connection, packet, packetId, operation = "", rid, version } = record;
  if (REQUEST_OPERATIONS.has(operation) && rid !== undefined)
    return [`${connection} ${record.direction} rid ${rid}`];
  if (operation === "desired" && version !== undefined) return [`${connection} version ${version}`];
  if (Object.values(RESPONSE_PACKETS).includes(packet))
    return [`${connection} ${record.direction} ${packet} ${packetId ?? ""}`];
  return [];
}

/** Returns the keys of the request that a packet responds to, most likely first. */
function responseKeys(record: PacketRecord): string[] {
  const { connection, packet, packetId, operation = "", rid } = record;
  const opposite = record.direction === "up" ? "down" : "up";
  if (RESPONSE_OPERATIONS.has(operation)) return [`${connection} ${opposite} rid ${rid}`];
  if (operation === "report")
    return acknowledgedVersions(record.body).map((version) => `${connection} version ${version}`);
  const request = RESPONSE_PACKETS[packet];
  return request ? [`${connection} ${opposite} ${request} ${packetId ?? ""}`] : [];
}

/**
 * Returns the versions of desired properties that a report acknowledges, including those of
 * components.
 */
function acknowledgedVersions(body: Json | undefined): number[] {
  return Object.values(asObject(body) ?? {}).flatMap((value) => {
    const object = asObject(value);
    if (object?.__t === "c") return acknowledgedVersions(object);
    return typeof object?.av === "number" ? [object.av] : [];
  });
}
