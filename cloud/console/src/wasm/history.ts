import type { HistoryEntry } from "../api/host.ts";
import type { Tone } from "../components/Chip.tsx";
import { formatCount, formatDuration } from "../format.ts";
import { versionLabel } from "./stages.ts";

/** Origins of a step. */
const SOURCES: Record<HistoryEntry["source"], string> = {
  start: "at host start",
  watch: "file changed",
  signal: "SIGHUP received",
  command: "requested",
  host: "by the host",
};

const TONES: Partial<Record<HistoryEntry["step"], Tone>> = {
  accepted: "success",
  rejected: "danger",
  "rolled-back": "danger",
  failed: "danger",
};

/** Steps for which the origin is shown. */
const REQUESTED_STEPS: ReadonlySet<HistoryEntry["step"]> = new Set([
  "started",
  "rejected",
  "rolled-back",
]);

/** Returns the tone of an entry. */
export function entryTone(entry: HistoryEntry): Tone {
  return TONES[entry.step] ?? "info";
}

/** Returns the version of an entry, or the file name if the file could not be read. */
export function entryTitle(entry: HistoryEntry): string {
  if (entry.version) return versionLabel(entry.version);
  return entry.file?.split("/").at(-1) ?? "–";
}

/** Returns the details of an entry. */
export function entryDetails(entry: HistoryEntry): string {
  const parts = [
    entry.rolledBackTo && `rolled back to ${versionLabel(entry.rolledBackTo)}`,
    REQUESTED_STEPS.has(entry.step) ? SOURCES[entry.source] : undefined,
    entry.pauseMs === undefined ? undefined : `pause ${formatDuration(entry.pauseMs)}`,
    entry.undoneBatches === undefined
      ? undefined
      : `${formatCount(entry.undoneBatches, "batch", "batches")} undone`,
    entry.droppedMessages && `${formatCount(entry.droppedMessages, "queued message")} dropped`,
    entry.redeliveredMessages &&
      `${formatCount(entry.redeliveredMessages, "cloud-to-device message")} redelivered`,
    entry.count > 1 ? `${entry.count.toLocaleString("en")} times in a row` : undefined,
    entry.reason,
  ];
  return parts.filter(Boolean).join(" · ");
}
