import { useEffect, useMemo, useState } from "preact/hooks";
import type { TabProps } from "../device/DevicePage.tsx";
import { EventStream } from "../live/stream.ts";
import { Icon } from "../part/Icon.tsx";
import { Empty } from "../part/State.tsx";
import { save } from "../part/save.ts";
import { usePaced } from "../part/use.ts";
import { TraceLog } from "./log.ts";
import { contentOf, GROUPS, type Group, groupOf, isRoutine, titleOf, type TraceRecord } from "./record.ts";
import { TraceTable } from "./TraceTable.tsx";

/** Rows shown at first. */
const FIRST = 60;
/** Milliseconds between two drawings, however much comes. */
const PACE = 400;

const TITLES: Record<Group, string> = {
  messages: "Messages",
  twin: "Twin",
  commands: "Commands",
  connection: "Connection",
  requests: "Requests",
};

/** Which way packets went that are shown. */
const WAYS = [
  { title: "Both ways", way: undefined },
  { title: "From the device", way: "up" },
  { title: "To the device", way: "down" },
] as const;

/** Everything that crossed the wire of a device, and what operators asked of the cloud about it. */
export function TraceTab({ device }: TabProps) {
  const log = useTrace(device);
  const [, redraw] = useState(0);
  const [held, setHeld] = useState<TraceRecord[]>();
  const [group, setGroup] = useState<Group>();
  const [way, setWay] = useState<"up" | "down">();
  const [text, setText] = useState("");
  const [routine, setRoutine] = useState(false);
  const [shown, setShown] = useState(FIRST);
  usePaced(log.changes, PACE, () => redraw((turn) => turn + 1));
  const wanted = (record: TraceRecord) =>
    (routine || !isRoutine(record)) && (!group || groupOf(record) === group) && (!way || wayOf(record) === way) && fits(record, text);
  const rows = (held ?? log.rows).filter(wanted);
  const newest = rows.slice(-shown).reverse();
  return (
    <>
      <div class="bar">
        <input type="search" aria-label="Filter by text" placeholder="Filter by text" value={text} onInput={(event) => setText(event.currentTarget.value)} />
        <div class="segments" role="group" aria-label="Kind of traffic">
          <button type="button" aria-pressed={!group} onClick={() => setGroup(undefined)}>All</button>
          {GROUPS.map((name) => (
            <button type="button" key={name} aria-pressed={group === name} onClick={() => setGroup(name)}>{TITLES[name]}</button>
          ))}
        </div>
        <div class="segments" role="group" aria-label="Which way it went">
          {WAYS.map(({ title, way: only }) => (
            <button type="button" key={title} aria-pressed={way === only} onClick={() => setWay(only)}>{title}</button>
          ))}
        </div>
        <label class="check">
          <input type="checkbox" checked={routine} onChange={() => setRoutine(!routine)} /> Acknowledgments, pings, this page's reads
        </label>
        <div class="exports">
          <button type="button" class="pause small" aria-pressed={held !== undefined} onClick={() => setHeld(held ? undefined : [...log.rows])}>
            <Icon name={held ? "play" : "pause"} /> {held ? "Resume" : "Pause"}
          </button>
          <button type="button" class="small" disabled={rows.length === 0} title="What fits the filter, the oldest first"
            onClick={() => save(`${device}-trace.ndjson`, "application/x-ndjson", jsonLines(rows))}>
            <Icon name="download" /> JSON lines
          </button>
        </div>
      </div>
      {newest.length === 0
        ? <Empty title="Nothing of this kind has crossed the wire.">The trace begins when the cloud starts, and keeps the last while.</Empty>
        : <TraceTable records={newest} log={log} />}
      {rows.length > shown && <button type="button" onClick={() => setShown(shown + FIRST)}>Show older</button>}
    </>
  );
}

function useTrace(device: string): TraceLog {
  const log = useMemo(() => new TraceLog(), [device]);
  useEffect(() => {
    const deliver = (records: TraceRecord[]) => log.take(records);
    const address = `/api/trace?device=${encodeURIComponent(device)}`;
    const stream = new EventStream({ address, deliver });
    return () => stream.close();
  }, [device, log]);
  return log;
}

function jsonLines(records: readonly TraceRecord[]): string {
  return records.map((record) => `${JSON.stringify(record)}\n`).join("");
}

function wayOf(record: TraceRecord): "up" | "down" | undefined {
  return record.kind === "packet" ? record.way : undefined;
}

/** Whether a record has a text in what is shown of it, or in its topic. */
function fits(record: TraceRecord, text: string): boolean {
  const wanted = text.trim().toLowerCase();
  const topic = record.kind === "packet" ? (record.topic ?? "") : "";
  return wanted === "" || [titleOf(record), contentOf(record), topic].some((part) => part.toLowerCase().includes(wanted));
}
