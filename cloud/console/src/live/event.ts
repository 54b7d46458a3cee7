import type { Named } from "../cloud/faults.ts";
import type { Json, JsonObject } from "../json.ts";
import { EventStream } from "./stream.ts";

/** What every event has. */
interface Base {
  /** Counts over all devices, without gaps. */
  readonly sequence: number;
  /** Not there for what is of all devices. */
  readonly device?: string;
  /** When the hub took note of it. */
  readonly enqueued: string;
}

/** A message of a device's; its body is one of the three. */
export interface TelemetryEvent extends Base {
  readonly type: "telemetry";
  readonly body?: Json;
  readonly text?: string;
  readonly base64?: string;
  /** The same each time the device sends the message. */
  readonly messageId?: string;
  readonly contentType?: string;
  readonly creationTime?: string;
  readonly component?: string;
  readonly properties: Record<string, string>;
}

/** A change of the twin by the device. */
export interface ReportedEvent extends Base {
  readonly type: "reported";
  readonly patch: JsonObject;
  readonly version: number;
}

/** A change of the twin by an operator. */
export interface DesiredEvent extends Base {
  readonly type: "desired";
  readonly desired: JsonObject;
  readonly version: number;
}

/** A change of what only operators see. */
export interface TagsEvent extends Base {
  readonly type: "tags";
  readonly tags: JsonObject;
}

/** A command, once it has ended. */
export interface CommandEvent extends Base {
  readonly type: "command";
  readonly name: string;
  readonly payload?: Json;
  readonly status?: number;
  readonly response?: Json;
  readonly error?: string;
  readonly milliseconds: number;
}

/** A connection that began or ended. */
export interface ConnectionEvent extends Base {
  readonly type: "connected" | "disconnected";
  readonly modelId?: string;
  readonly sessionPresent?: boolean;
  readonly reason?: string;
  /** When the hub was last known to have it, if the cloud itself ended then and could take note of nothing. */
  readonly since?: string;
}

/** A change in the registry. */
export interface RegistryEvent extends Base {
  readonly type: "created" | "updated" | "deleted";
  readonly status: string;
}

/** A fault that was asked for. */
export interface FaultEvent extends Base {
  readonly type: "fault-began" | "fault-ended" | "fault-struck";
  readonly fault: Named;
}

/** One thing that happened. */
export type CloudEvent =
  | TelemetryEvent | ReportedEvent | DesiredEvent | TagsEvent | CommandEvent | ConnectionEvent | RegistryEvent | FaultEvent;

/** Every type there is, as the stream names them. */
export const TYPES = [
  "telemetry", "reported", "desired", "tags", "command", "connected", "disconnected", "created", "updated", "deleted",
  "fault-began", "fault-ended", "fault-struck",
] as const satisfies CloudEvent["type"][];

/** When the hub took note of an event, in milliseconds. */
export function time(event: CloudEvent): number {
  return Date.parse(event.enqueued);
}

/** When a connection ended, as far as it is known. */
export function endedAt(event: ConnectionEvent): number {
  return event.since ? Date.parse(event.since) : time(event);
}

/** A clock of a device's that runs ahead by more than this many milliseconds is not believed. */
const AHEAD = 2000;

/** When a message was made, as the device says, or else when it came. */
export function madeAt(event: TelemetryEvent): number {
  const enqueued = time(event);
  const made = event.creationTime ? Date.parse(event.creationTime) : Number.NaN;
  return made <= enqueued + AHEAD ? made : enqueued;
}

/** Listens to the events that `query` selects. */
export function eventStream(query: string, deliver: (events: CloudEvent[]) => void): EventStream<CloudEvent> {
  return new EventStream({ address: `/api/events?${query}`, deliver });
}
