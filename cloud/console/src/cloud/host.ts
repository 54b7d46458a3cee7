import type { Json } from "../json.ts";
import { about } from "./devices.ts";
import { ask, lines } from "./request.ts";

/** A version of a component. */
export interface Version {
  readonly name: string;
  readonly version: string;
  readonly sha256: string;
  readonly modelId: string;
  /** When it took over. */
  readonly since?: string;
}

/** A step of a replacement, as `host history` has it. */
export interface Step {
  readonly step: string;
  readonly time: string;
  readonly version?: Version;
  readonly pauseMs?: number;
  readonly reason?: string;
  /** Why there are no more steps to be told. */
  readonly error?: string;
}

/** How the host beside the cloud is. */
export interface Host {
  readonly device: string;
  /** `accepted`, or where a replacement is. */
  readonly state: string;
  readonly running: Version | null;
  /** What it goes back to if the one on probation fails. */
  readonly fallback: Version | null;
  /** What ran before. */
  readonly previous: Version | null;
  /** Hashes of what was withdrawn and is not taken again. */
  readonly quarantined: string[];
}

/** What a replacement may do. */
export interface Allowed {
  readonly force: boolean;
  readonly freshState: boolean;
  readonly allowModelChange: boolean;
}

/** How the host beside the cloud is. */
export async function host(): Promise<Host> {
  return (await ask("/api/host")).body as unknown as Host;
}

/** The device whose host the cloud may control, if there is one. */
export async function controlledDevice(): Promise<string | undefined> {
  return (await about()).hostControl ? (await host()).device : undefined;
}

/** Lets a component take over. Tells each step until it is accepted, refused or rolled back. */
export function swap(component: Blob, allowed: Allowed): AsyncGenerator<Step> {
  const parameters = Object.entries(allowed).map(([name, is]) => `${name}=${is}`);
  return lines(`/api/host/swap?${parameters.join("&")}`, component) as AsyncGenerator<Json & Step>;
}

/** Goes back to the version before. */
export function rollBack(): AsyncGenerator<Step> {
  return lines("/api/host/rollback", null) as AsyncGenerator<Json & Step>;
}
