import { asObject, type JsonObject } from "../json.ts";
import type { Outbox } from "../live/outbox.ts";
import { about } from "./devices.ts";
import { ask, lines, part } from "./request.ts";

/** A version of a component. */
export interface Version {
  readonly name: string;
  readonly version: string;
  readonly sha256: string;
  readonly modelId?: string;
}

/** A version that runs, or ran. */
export interface Running extends Version {
  readonly since: string;
}

/** A version that is not taken again. */
export interface Withdrawn {
  readonly sha256: string;
  readonly reason: string;
}

/** What the version that runs does, as the host writes it. */
export type HostState =
  | "accepted"
  | { probation: { secondsLeft: number; eventsLeft: number } }
  | { "left-alone": { reason: string; secondsLeft: number } };

/** How things stand with a host, as far as it is shown. */
export interface HostStatus {
  readonly device: string;
  readonly process: number;
  readonly outbox: Outbox;
  readonly running: Running | null;
  readonly state: HostState;
  /** What it would go back to while it is on probation. */
  readonly fallback: Running | null;
  /** What ran before. */
  readonly previous: Running | null;
  readonly quarantined: Withdrawn[];
  readonly lastSwap: Step | null;
  /** How often each step has happened. */
  readonly steps: Record<string, number>;
  /** What the component may take, by the names of `--limit`: bytes, milliseconds or pieces. */
  readonly limits: Record<string, number>;
  readonly calls: {
    readonly ok: number;
    readonly errors: number;
    readonly traps: number;
    /** In calls, together. */
    readonly seconds: number;
    /** In the longest call. */
    readonly longest: number;
    /** Of the instance, in bytes. */
    readonly memory: number;
  };
}

/** A step of a swap, as the host tells it. */
export interface Step {
  readonly step:
    | "asked" | "prepared" | "same" | "refused" | "replaced" | "begun" | "continued" | "accepted" | "rolled-back" | "failed";
  readonly time: string;
  readonly version?: Version;
  /** What runs instead, if it was withdrawn. */
  readonly instead?: Version;
  /** Where the host found it. */
  readonly file?: string;
  readonly reason?: string;
  /** Milliseconds in which no event was handled. */
  readonly pauseMs?: number;
}

/** A step as the host keeps it. */
export interface Entry extends Step {
  /** Who wanted it. */
  readonly source: "start" | "watch" | "signal" | "command" | "host";
  /** Committed calls that were undone, if that is known. */
  readonly undone?: number;
  /** How often it happened in a row. */
  readonly times: number;
}

/** What a swap may do beside what it may anyway. */
export interface Leave {
  /** Take a version that was withdrawn before. */
  force: boolean;
  /** Begin without the state there is. */
  freshState: boolean;
  /** Take a version with another model. */
  allowModelChange: boolean;
}

/** How the host beside the cloud is, if it is that of this device. */
export async function hostOf(device: string): Promise<HostStatus | undefined> {
  if (!(await about()).hostControl) return undefined;
  const status = (await ask("/api/host")).body as unknown as HostStatus;
  return status.device === device ? status : undefined;
}

/** What became of the versions of the host beside the cloud, the oldest first. */
export async function versionHistory(): Promise<Entry[]> {
  return (await ask("/api/host/history")).body as unknown as Entry[];
}

/** Lets a component take over; tells each step until it is accepted, refused or rolled back. */
export function swap(component: File, leave: Leave): AsyncGenerator<Step> {
  const given = Object.entries(leave).filter(([, isGiven]) => isGiven).map(([name]) => `&${name}=true`);
  return steps(`/api/host/swap?name=${part(component.name)}${given.join("")}`, component);
}

/** Goes back to the version before; tells each step. */
export function rollBack(): AsyncGenerator<Step> {
  return steps("/api/host/rollback", null);
}

async function* steps(path: string, body: Blob | null): AsyncGenerator<Step> {
  for await (const line of lines(path, body)) {
    const object = asObject(line);
    if (typeof object?.["error"] === "string") throw new Error(object["error"]);
    yield object as JsonObject & Step;
  }
}
