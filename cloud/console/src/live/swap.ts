import { asObject, type JsonObject } from "../json.ts";

/** The component by which a host reports what it runs (`dtmi:com:example:DeviceHost;1`). */
export const HOST = "host";

/** A step of a replacement of the device's component, as its host has reported it. */
export interface Swap {
  readonly at: number;
  /** When the component took over. */
  readonly since: string | undefined;
  /** `begun`, `accepted`, `rolled-back` …; nothing when a host tells of itself at its start. */
  readonly result: string | undefined;
  readonly component: string | undefined;
  readonly version: string | undefined;
  readonly sha256: string | undefined;
  readonly reason: string | undefined;
  /** Milliseconds in which the device handled no event. */
  readonly pause: number | undefined;
}

/** The swap in a patch of reported properties, if one is there. */
export function swapIn(patch: JsonObject, at: number): Swap | undefined {
  const host = asObject(patch[HOST]);
  const text = (name: string) => (typeof host?.[name] === "string" ? (host[name] as string) : undefined);
  if (!text("lastSwapResult")) return undefined;
  const pause = host?.["lastSwapPause"];
  return {
    at,
    since: text("since"),
    result: text("lastSwapResult"),
    component: text("name"),
    version: text("version"),
    sha256: text("sha256"),
    reason: text("lastSwapReason"),
    pause: typeof pause === "number" ? pause : undefined,
  };
}

/** Whether a host has said the same before: it repeats itself when it starts again. */
export function isRepeated(swap: Swap, before: Swap | undefined): boolean {
  const same = (name: "since" | "result" | "sha256" | "reason") => swap[name] === before?.[name];
  return same("since") && same("result") && same("sha256") && same("reason");
}

/** Whether a version did not come to stay. */
export function isWithdrawn(swap: Swap): boolean {
  return swap.result === "rolled-back" || swap.result === "refused";
}

/** What became of a version, in words; what runs now stands in the place of `{}`. */
const TOLD: Record<string, string> = {
  begun: "{} has begun, on probation",
  continued: "{} goes on with its probation",
  accepted: "{} is accepted",
  refused: "another was refused, {} goes on",
  replaced: "another took its place before it was accepted, {} runs",
  "rolled-back": "rolled back to {}",
};

/** A swap in words. */
export function told(swap: Swap): string {
  const running = [swap.component ?? "the component", swap.version].filter(Boolean).join(" ");
  return (TOLD[swap.result ?? ""] ?? "{} runs").replace("{}", running);
}

/** A swap in few words. */
export function label(swap: Swap): string {
  // What runs is named, and that is another than was refused.
  const version = swap.version && swap.result !== "refused" ? ` ${swap.version}` : "";
  return `${swap.result ?? "changed"}${version}`;
}
