import type { Fault } from "../api/faults.ts";
import type { Json, JsonObject } from "../json.ts";
import { EventStream } from "./stream.ts";

/** Fields of every event. */
interface EventBase {
  /** Sequence number over all devices, without gaps. */
  readonly sequence: number;
  /** Device id; absent for events of all devices. */
  readonly device?: string;
  /** Time at which the hub enqueued the event. */
  readonly enqueued: string;
}

/** Device-to-cloud message, with its body in one of three forms. */
export interface TelemetryEvent extends EventBase {
  readonly type: "telemetry";
  readonly body?: Json;
  readonly text?: string;
  readonly base64?: string;
  /** Id that is the same for every delivery of the message. */
  readonly messageId?: string;
  readonly contentType?: string;
  readonly creationTime?: string;
  readonly component?: string;
  readonly properties: Record<string, string>;
}

/** Reported properties patch. */
export interface ReportedEvent extends EventBase {
  readonly type: "reported";
  readonly patch: JsonObject;
  readonly version: number;
}

/** Desired properties patch. */
export interface DesiredEvent extends EventBase {
  readonly type: "desired";
  readonly desired: JsonObject;
  readonly version: number;
}

/** Change of the tags. */
export interface TagsEvent extends EventBase {
  readonly type: "tags";
  readonly tags: JsonObject;
}

/** Completed command. */
export interface CommandEvent extends EventBase {
  readonly type: "command";
  readonly name: string;
  readonly payload?: Json;
  readonly status?: number;
  readonly response?: Json;
  readonly error?: string;
  readonly durationMs: number;
}

/** Start or end of a connection. */
export interface ConnectionEvent extends EventBase {
  readonly type: "connected" | "disconnected";
  readonly modelId?: string;
  readonly sessionPresent?: boolean;
  readonly reason?: string;
  /** Time at which the hub last saw the connection, if the cloud itself was stopped. */
  readonly since?: string;
}

/** Change in the identity registry. */
export interface RegistryEvent extends EventBase {
  readonly type: "created" | "updated" | "deleted";
  readonly status: string;
}

/** Start, end or trigger of a fault. */
export interface FaultEvent extends EventBase {
  readonly type: "fault-started" | "fault-ended" | "fault-triggered";
  readonly fault: Fault;
}

/** Event of the cloud. */
export type CloudEvent =
  | TelemetryEvent
  | ReportedEvent
  | DesiredEvent
  | TagsEvent
  | CommandEvent
  | ConnectionEvent
  | RegistryEvent
  | FaultEvent;

/** All event types, as the stream names them. */
export const EVENT_TYPES = [
  "telemetry",
  "reported",
  "desired",
  "tags",
  "command",
  "connected",
  "disconnected",
  "created",
  "updated",
  "deleted",
  "fault-started",
  "fault-ended",
  "fault-triggered",
] as const satisfies CloudEvent["type"][];

/** Returns the time at which the hub enqueued an event, in milliseconds. */
export function enqueuedAt(event: CloudEvent): number {
  return Date.parse(event.enqueued);
}

/** Returns the time at which a connection ended. */
export function disconnectedAt(event: ConnectionEvent): number {
  return event.since ? Date.parse(event.since) : enqueuedAt(event);
}

/** Maximum milliseconds by which the clock of a device may be ahead. */
const MAX_CLOCK_SKEW = 2000;

/**
 * Returns the creation time of a message as set by the device, or else the time it was enqueued.
 */
export function createdAt(event: TelemetryEvent): number {
  const enqueued = enqueuedAt(event);
  const created = event.creationTime ? Date.parse(event.creationTime) : Number.NaN;
  return created <= enqueued + MAX_CLOCK_SKEW ? created : enqueued;
}

/** Opens a stream of the events that match `query`. */
export function openEventStream(
  query: string,
  onItems: (events: CloudEvent[]) => void,
): EventStream<CloudEvent> {
  return new EventStream({ path: `/api/events?${query}`, onItems });
}
