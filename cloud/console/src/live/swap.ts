import { formatTitle } from "../format.ts";
import { asObject, type JsonObject } from "../json.ts";

/** Component in which a host reports its running version (`dtmi:com:example:DeviceHost;1`). */
export const HOST_COMPONENT = "host";

/** Swap step, as reported by the host. */
export interface Swap {
  readonly at: number;
  /** Start time of the version. */
  readonly since: string | undefined;
  /** Step, such as `started` or `accepted`; `undefined` in the report at host start. */
  readonly result: string | undefined;
  readonly component: string | undefined;
  readonly version: string | undefined;
  readonly sha256: string | undefined;
  readonly reason: string | undefined;
  /** Milliseconds during which no event was handled. */
  readonly pause: number | undefined;
}

/** Steps as hosts before 0.1.0 named them: events of such hosts may still be stored. */
const RENAMED: Record<string, string> = {
  begun: "started",
  continued: "resumed",
  refused: "rejected",
  replaced: "superseded",
};

/** Returns the swap step in a reported properties patch. */
export function parseSwap(patch: JsonObject, at: number): Swap | undefined {
  const host = asObject(patch[HOST_COMPONENT]);
  const text = (name: string) =>
    typeof host?.[name] === "string" ? (host[name] as string) : undefined;
  const result = text("lastSwapResult");
  if (!result) return undefined;
  const pause = host?.lastSwapPause;
  return {
    at,
    since: text("since"),
    result: RENAMED[result] ?? result,
    component: text("name"),
    version: text("version"),
    sha256: text("sha256"),
    reason: text("lastSwapReason"),
    pause: typeof pause === "number" ? pause : undefined,
  };
}

/** Returns true if a host repeats a step, as it does after a restart. */
export function isRepeated(swap: Swap, previous: Swap | undefined): boolean {
  const same = (name: "since" | "result" | "sha256" | "reason") => swap[name] === previous?.[name];
  return same("since") && same("result") && same("sha256") && same("reason");
}

/** Returns true if the version was rejected or rolled back. */
export function isFailedSwap(swap: Swap): boolean {
  return swap.result === "rolled-back" || swap.result === "rejected";
}

/** Descriptions of the steps; `{}` is the running version. */
const DESCRIPTIONS: Record<string, string> = {
  started: "{} started, on probation",
  resumed: "{} resumed its probation",
  accepted: "{} accepted",
  rejected: "candidate rejected, {} keeps running",
  superseded: "superseded before acceptance, {} running",
  "rolled-back": "rolled back to {}",
};

/** Describes a swap step. */
export function describeSwap(swap: Swap): string {
  const running = [swap.component ?? "the component", swap.version].filter(Boolean).join(" ");
  return (DESCRIPTIONS[swap.result ?? ""] ?? "{} running").replace("{}", running);
}

/** Returns the label of a swap step in the chart. */
export function swapLabel(swap: Swap): string {
  // The report names the running version, which is not the rejected one.
  const version = swap.version && swap.result !== "rejected" ? ` ${swap.version}` : "";
  return `${formatTitle(swap.result ?? "changed")}${version}`;
}
