import type { Entry } from "../cloud/host.ts";
import type { Tone } from "../part/Chip.tsx";
import { count, span } from "../words.ts";
import { named } from "./stages.ts";

/** Who wanted a step, in words. */
const SOURCES: Record<Entry["source"], string> = {
  start: "the host was started with it",
  watch: "its file changed",
  signal: "asked for by SIGHUP",
  command: "asked for",
  host: "by the host itself",
};

const TONES: Partial<Record<Entry["step"], Tone>> = { accepted: "good", refused: "bad", "rolled-back": "bad", failed: "bad" };

/** Steps that somebody wanted, and not what came of them. */
const WANTED: ReadonlySet<Entry["step"]> = new Set(["begun", "refused", "rolled-back"]);

/** How good a step is. */
export function toneOf(entry: Entry): Tone {
  return TONES[entry.step] ?? "accent";
}

/** The version a step is about; one that could not be read has a file only, of which the name is shown. */
export function head(entry: Entry): string {
  if (entry.version) return named(entry.version);
  return entry.file?.split("/").at(-1) ?? "–";
}

/** Everything else there is to say of a step. */
export function details(entry: Entry): string {
  const parts = [
    entry.instead && `${named(entry.instead)} runs again`,
    WANTED.has(entry.step) ? SOURCES[entry.source] : undefined,
    entry.pauseMs === undefined ? undefined : `pause ${span(entry.pauseMs)}`,
    entry.undone === undefined ? undefined : `${count(entry.undone, "call")} undone`,
    entry.times > 1 ? `${entry.times.toLocaleString("en")} times in a row` : undefined,
    entry.reason,
  ];
  return parts.filter(Boolean).join(" · ");
}
