import { useState } from "preact/hooks";
import { type CloudEvent, TYPES } from "../live/event.ts";
import { Icon } from "../part/Icon.tsx";
import { Menu } from "../part/Menu.tsx";
import { Empty } from "../part/State.tsx";
import { usePaced } from "../part/use.ts";
import { columns, type Column } from "./columns.ts";
import { DataTable } from "./DataTable.tsx";
import type { TabProps } from "./DevicePage.tsx";

/** Rows shown at first. */
const FIRST = 50;
/** Milliseconds between two drawings, however much comes: nobody reads faster. */
const PACE = 400;
const TYPE_FILTERS = [
  { title: "All", types: TYPES },
  { title: "Telemetry", types: ["telemetry"] },
  { title: "Properties", types: ["reported", "desired"] },
  { title: "Other", types: TYPES.filter((type) => !["telemetry", "reported", "desired"].includes(type)) },
] as const;

/** Everything that has come from the device and what has become of it, as it came. */
export function DataTab({ device, model, log }: TabProps) {
  const [held, setHeld] = useState<CloudEvent[]>();
  const [filter, setFilter] = useState(0);
  const [hidden, setHidden] = useState<ReadonlySet<string>>(new Set());
  const [shown, setShown] = useState(FIRST);
  const [, redraw] = useState(0);
  usePaced(log.changes, PACE, () => redraw((turn) => turn + 1));
  const events = held ?? log.rows;
  const all = columns(model, log.names);
  const types: readonly string[] = TYPE_FILTERS[filter]?.types ?? TYPES;
  const rows = events.filter((event) => types.includes(event.type));
  const newest = rows.slice(-shown).reverse();
  return (
    <>
      <div class="bar">
        <div class="segments" role="group" aria-label="Type of event">
          {TYPE_FILTERS.map(({ title }, index) => (
            <button type="button" key={title} aria-pressed={filter === index} onClick={() => setFilter(index)}>{title}</button>
          ))}
        </div>
        <button type="button" class="pause" aria-pressed={held !== undefined} onClick={() => setHeld(held ? undefined : [...log.rows])}>
          <Icon name={held ? "play" : "pause"} /> {held ? "Resume" : "Pause"}
        </button>
        <ColumnPicker columns={all} hidden={hidden} onHidden={setHidden} />
        <Exports device={device} />
      </div>
      {newest.length === 0
        ? <Empty title="Nothing of this kind has come yet.">What the device sends appears here by itself.</Empty>
        : <DataTable events={newest} columns={all} hidden={hidden} isModelled={model !== undefined} />}
      {rows.length > shown && <button type="button" onClick={() => setShown(shown + FIRST)}>Show older</button>}
    </>
  );
}

interface PickerProps {
  columns: Column[];
  hidden: ReadonlySet<string>;
  onHidden: (hidden: ReadonlySet<string>) => void;
}

function ColumnPicker({ columns, hidden, onHidden }: PickerProps) {
  const toggle = (path: string) => {
    const next = new Set(hidden);
    if (!next.delete(path)) next.add(path);
    onHidden(next);
  };
  return (
    <Menu label="Choose columns" button={<>Columns <Icon name="down" /></>}>
      <div class="checks" onClick={(event) => event.stopPropagation()}>
        {columns.map((column) => (
          <label class="check" key={column.path}>
            <input type="checkbox" checked={!hidden.has(column.path)} onChange={() => toggle(column.path)} /> {column.title}
          </label>
        ))}
      </div>
    </Menu>
  );
}

function Exports({ device }: { device: string }) {
  const address = (format: string) => `/api/events?device=${encodeURIComponent(device)}&follow=false&format=${format}`;
  return (
    <div class="exports">
      <a class="button small" href={address("csv")} download={`${device}.csv`}><Icon name="download" /> CSV</a>
      <a class="button small" href={address("ndjson")} download={`${device}.ndjson`}><Icon name="download" /> NDJSON</a>
    </div>
  );
}
