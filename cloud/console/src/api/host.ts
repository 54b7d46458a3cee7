import { asObject, type JsonObject } from "../json.ts";
import { getCloudInfo } from "./devices.ts";
import { callApi, pathSegment, postForLines } from "./request.ts";

/** Version of a component. */
export interface Version {
  readonly name: string;
  readonly version: string;
  readonly sha256: string;
  readonly modelId?: string;
}

/** Version that is or was running. */
export interface RunningVersion extends Version {
  readonly since: string;
}

/** Version that the host does not accept again. */
export interface QuarantinedVersion {
  readonly sha256: string;
  readonly reason: string;
}

/** State of the running version, as the host reports it. */
export interface HostState {
  readonly state: "accepted" | "probation" | "suspended";
  /** Rest of the probation. */
  readonly probation: { remainingMs: number; remainingEvents: number } | null;
  /** Last failure of a version that does not start, and time until the next attempt. */
  readonly suspension: { reason: string; remainingMs: number } | null;
}

/** Outbox of a host, as far as the console shows it. */
export interface Outbox {
  /** Queued messages. */
  readonly messages: number;
  /** Age of the oldest queued message. */
  readonly oldestAgeMs: number | null;
  /** Messages evicted since the device first started. */
  readonly evicted: number;
  /** Messages dead-lettered since the device first started. */
  readonly deadLettered: number;
}

/** Status of a host, as far as the console shows it. */
export interface HostStatus extends HostState {
  readonly deviceId: string;
  readonly pid: number;
  readonly outbox: Outbox;
  readonly running: RunningVersion | null;
  /** Suspended commands, desired properties and timers. */
  readonly suspended: readonly { cause: string; reason: string; remainingMs: number }[];
  /** Version to roll back to during probation. */
  readonly fallback: RunningVersion | null;
  /** Version that ran before. */
  readonly previous: RunningVersion | null;
  readonly quarantined: QuarantinedVersion[];
  readonly lastSwap: SwapStep | null;
  /** Count of each swap step. */
  readonly steps: Record<string, number>;
  /** Limits of the component by the names of `--limit`: bytes, milliseconds or counts. */
  readonly limits: Record<string, number | null>;
  readonly calls: {
    readonly ok: number;
    readonly errors: number;
    readonly traps: number;
    /** Total duration of all calls. */
    readonly totalMs: number;
    /** Duration of the longest call. */
    readonly longestMs: number;
    /** Linear memory of the instance. */
    readonly memoryBytes: number;
  };
}

/** Swap step, as the host streams it. */
export interface SwapStep {
  readonly step:
    | "requested"
    | "prepared"
    | "unchanged"
    | "rejected"
    | "superseded"
    | "started"
    | "resumed"
    | "accepted"
    | "rolled-back"
    | "failed";
  readonly time: string;
  readonly version?: Version;
  /** Version that runs after a rollback. */
  readonly rolledBackTo?: Version;
  /** Path of the component file. */
  readonly file?: string;
  readonly reason?: string;
  /** Milliseconds during which no event was handled. */
  readonly pauseMs?: number;
}

/** Swap step in the history of the host. */
export interface HistoryEntry extends SwapStep {
  /** Origin of the step. */
  readonly source: "start" | "watch" | "signal" | "command" | "host";
  /** Batches that a rollback has undone, if known. */
  readonly undoneBatches?: number;
  /** Queued messages and reports that a rollback has dropped. */
  readonly droppedMessages?: number;
  /** Cloud-to-device messages that a rollback has handed to the version that continues. */
  readonly redeliveredMessages?: number;
  /** Consecutive occurrences. */
  readonly count: number;
}

/** Options of a swap. */
export interface SwapOptions {
  /** Accept a quarantined version. */
  force: boolean;
  /** Start with empty state. */
  freshState: boolean;
  /** Accept a version with another model. */
  allowModelChange: boolean;
}

/** Returns the status of the host on this machine, if it runs this device. */
export async function getHostStatus(device: string): Promise<HostStatus | undefined> {
  if (!(await getCloudInfo()).hostControl) return undefined;
  const status = (await callApi("/api/host")).body as unknown as HostStatus;
  return status.deviceId === device ? status : undefined;
}

/** Returns the swap history of the host on this machine, oldest first. */
export async function getSwapHistory(): Promise<HistoryEntry[]> {
  return (await callApi("/api/host/history")).body as unknown as HistoryEntry[];
}

/** Requests a swap, and yields each step until the version is accepted, rejected or rolled back. */
export function requestSwap(component: File, options: SwapOptions): AsyncGenerator<SwapStep> {
  const query = Object.entries(options)
    .filter(([, isSet]) => isSet)
    .map(([name]) => `&${name}=true`);
  return readSteps(
    `/api/host/swap?name=${pathSegment(component.name)}${query.join("")}`,
    component,
  );
}

/** Requests a rollback, and yields each step. */
export function requestRollback(): AsyncGenerator<SwapStep> {
  return readSteps("/api/host/rollback", null);
}

async function* readSteps(path: string, body: Blob | null): AsyncGenerator<SwapStep> {
  for await (const line of postForLines(path, body)) {
    const object = asObject(line);
    if (typeof object?.error === "string") throw new Error(object.error);
    yield object as JsonObject & SwapStep;
  }
}
