import { useEffect, useMemo, useState } from "preact/hooks";
import { download } from "../components/download.ts";
import { useThrottled } from "../components/hooks.ts";
import { Icon } from "../components/Icon.tsx";
import { EmptyState } from "../components/States.tsx";
import type { TabProps } from "../device/tab.ts";
import { EventStream } from "../live/stream.ts";
import { TraceTable } from "./TraceTable.tsx";
import { TraceLog } from "./traceLog.ts";
import {
  groupOf,
  isRoutine,
  recordContent,
  recordTitle,
  TRACE_GROUPS,
  type TraceGroup,
  type TraceRecord,
} from "./traceRecord.ts";

/** Rows per page. */
const PAGE_SIZE = 60;
/** Milliseconds between two redraws. */
const REDRAW_INTERVAL = 400;

const TITLES: Record<TraceGroup, string> = {
  messages: "Messages",
  twin: "Twin",
  commands: "Commands",
  connection: "Connection",
  requests: "Requests",
};

/** Directions to filter by. */
const DIRECTIONS = [
  { title: "Both directions", direction: undefined },
  { title: "From device", direction: "up" },
  { title: "To device", direction: "down" },
] as const;

/** MQTT packets of a device, and REST requests about it. */
export function TraceTab({ device }: TabProps) {
  const log = useTrace(device);
  const [, redraw] = useState(0);
  const [frozen, setFrozen] = useState<TraceRecord[]>();
  const [group, setGroup] = useState<TraceGroup>();
  const [direction, setDirection] = useState<"up" | "down">();
  const [text, setText] = useState("");
  const [showsRoutine, setShowsRoutine] = useState(false);
  const [shown, setShown] = useState(PAGE_SIZE);
  useThrottled(log.changes, REDRAW_INTERVAL, () => redraw((count) => count + 1));
  const isShown = (record: TraceRecord) =>
    (showsRoutine || !isRoutine(record)) &&
    (!group || groupOf(record) === group) &&
    (!direction || directionOf(record) === direction) &&
    matchesText(record, text);
  const rows = (frozen ?? log.records).filter(isShown);
  const newest = rows.slice(-shown).reverse();
  return (
    <>
      <div class="toolbar">
        <input
          type="search"
          aria-label="Filter by text"
          placeholder="Filter by text"
          value={text}
          onInput={(event) => setText(event.currentTarget.value)}
        />
        <div class="segments" role="group" aria-label="Traffic">
          <button type="button" aria-pressed={!group} onClick={() => setGroup(undefined)}>
            All
          </button>
          {TRACE_GROUPS.map((name) => (
            <button
              type="button"
              key={name}
              aria-pressed={group === name}
              onClick={() => setGroup(name)}
            >
              {TITLES[name]}
            </button>
          ))}
        </div>
        <div class="segments" role="group" aria-label="Direction">
          {DIRECTIONS.map(({ title, direction: option }) => (
            <button
              type="button"
              key={title}
              aria-pressed={direction === option}
              onClick={() => setDirection(option)}
            >
              {title}
            </button>
          ))}
        </div>
        <label class="check">
          <input
            type="checkbox"
            checked={showsRoutine}
            onChange={() => setShowsRoutine(!showsRoutine)}
          />{" "}
          Acknowledgments, pings, console requests
        </label>
        <div class="actions-end">
          <button
            type="button"
            class="pause small"
            aria-pressed={frozen !== undefined}
            onClick={() => setFrozen(frozen ? undefined : [...log.records])}
          >
            <Icon name={frozen ? "play" : "pause"} /> {frozen ? "Resume" : "Pause"}
          </button>
          <button
            type="button"
            class="small"
            disabled={rows.length === 0}
            title="Download the filtered records, oldest first"
            onClick={() =>
              download(
                `${device}-trace.ndjson`,
                new Blob([jsonLines(rows)], { type: "application/x-ndjson" }),
              )
            }
          >
            <Icon name="download" /> NDJSON
          </button>
        </div>
      </div>
      {newest.length === 0 ? (
        <EmptyState title="No records">
          The trace starts with the cloud, and keeps the most recent records.
        </EmptyState>
      ) : (
        <TraceTable records={newest} log={log} />
      )}
      {rows.length > shown && (
        <button type="button" onClick={() => setShown(shown + PAGE_SIZE)}>
          Show older
        </button>
      )}
    </>
  );
}

function useTrace(device: string): TraceLog {
  const log = useMemo(() => new TraceLog(), [device]);
  useEffect(() => {
    const onItems = (records: TraceRecord[]) => log.append(records);
    const path = `/api/trace?device=${encodeURIComponent(device)}`;
    const stream = new EventStream({ path, onItems });
    return () => stream.close();
  }, [device, log]);
  return log;
}

function jsonLines(records: readonly TraceRecord[]): string {
  return records.map((record) => `${JSON.stringify(record)}\n`).join("");
}

function directionOf(record: TraceRecord): "up" | "down" | undefined {
  return record.kind === "packet" ? record.direction : undefined;
}

/** Returns true if the title, content or topic of a record contains a text. */
function matchesText(record: TraceRecord, text: string): boolean {
  const search = text.trim().toLowerCase();
  const topic = record.kind === "packet" ? (record.topic ?? "") : "";
  return (
    search === "" ||
    [recordTitle(record), recordContent(record), topic].some((part) =>
      part.toLowerCase().includes(search),
    )
  );
}
