import { useState } from "preact/hooks";
import { ApiError, fetchFile, pathSegment } from "../api/request.ts";
import { download } from "../components/download.ts";
import { useThrottled } from "../components/hooks.ts";
import { Icon } from "../components/Icon.tsx";
import { Menu } from "../components/Menu.tsx";
import { EmptyState, ErrorMessage } from "../components/States.tsx";
import { type CloudEvent, EVENT_TYPES } from "../live/event.ts";
import { type Column, columns } from "./columns.ts";
import { DataTable } from "./DataTable.tsx";
import type { TabProps } from "./tab.ts";

/** Rows per page. */
const PAGE_SIZE = 50;
/** Milliseconds between two redraws. */
const REDRAW_INTERVAL = 400;
const EVENT_FILTERS = [
  { title: "All", types: EVENT_TYPES },
  { title: "Telemetry", types: ["telemetry"] },
  { title: "Properties", types: ["reported", "desired"] },
  {
    title: "Other",
    types: EVENT_TYPES.filter((type) => !["telemetry", "reported", "desired"].includes(type)),
  },
] as const;

/** Events of the device, as they arrived. */
export function DataTab({ device, model, log }: TabProps) {
  const [frozen, setFrozen] = useState<CloudEvent[]>();
  const [filter, setFilter] = useState(0);
  const [hidden, setHidden] = useState<ReadonlySet<string>>(new Set());
  const [shown, setShown] = useState(PAGE_SIZE);
  const [, redraw] = useState(0);
  useThrottled(log.changes, REDRAW_INTERVAL, () => redraw((count) => count + 1));
  const events = frozen ?? log.events;
  const all = columns(model, log.capabilities);
  const types: readonly string[] = EVENT_FILTERS[filter]?.types ?? EVENT_TYPES;
  const rows = events.filter((event) => types.includes(event.type));
  const newest = rows.slice(-shown).reverse();
  return (
    <>
      <div class="toolbar">
        <div class="segments" role="group" aria-label="Event type">
          {EVENT_FILTERS.map(({ title }, index) => (
            <button
              type="button"
              key={title}
              aria-pressed={filter === index}
              onClick={() => setFilter(index)}
            >
              {title}
            </button>
          ))}
        </div>
        <button
          type="button"
          class="pause"
          aria-pressed={frozen !== undefined}
          onClick={() => setFrozen(frozen ? undefined : [...log.events])}
        >
          <Icon name={frozen ? "play" : "pause"} /> {frozen ? "Resume" : "Pause"}
        </button>
        <ColumnPicker columns={all} hidden={hidden} onHidden={setHidden} />
        <Exports device={device} />
      </div>
      {newest.length === 0 ? (
        <EmptyState title="No events">Events appear here as they arrive.</EmptyState>
      ) : (
        <DataTable events={newest} columns={all} hidden={hidden} isModelled={model !== undefined} />
      )}
      {rows.length > shown && (
        <button type="button" onClick={() => setShown(shown + PAGE_SIZE)}>
          Show older
        </button>
      )}
    </>
  );
}

interface ColumnPickerProps {
  columns: Column[];
  hidden: ReadonlySet<string>;
  onHidden: (hidden: ReadonlySet<string>) => void;
}

function ColumnPicker({ columns, hidden, onHidden }: ColumnPickerProps) {
  const toggle = (path: string) => {
    const next = new Set(hidden);
    if (!next.delete(path)) next.add(path);
    onHidden(next);
  };
  return (
    <Menu
      label="Select columns"
      button={
        <>
          Columns <Icon name="down" />
        </>
      }
    >
      <div class="checks">
        {columns.map((column) => (
          <label class="check" key={column.path}>
            <input
              type="checkbox"
              checked={!hidden.has(column.path)}
              onChange={() => toggle(column.path)}
            />{" "}
            {column.title}
          </label>
        ))}
      </div>
    </Menu>
  );
}

const EXPORT_FORMATS = ["csv", "ndjson"] as const;

function Exports({ device }: { device: string }) {
  const [state, setState] = useState<"idle" | "busy" | ApiError>("idle");
  const save = async (format: string) => {
    setState("busy");
    const path = `/api/events?device=${pathSegment(device)}&follow=false&format=${format}`;
    try {
      download(`${device}.${format}`, await fetchFile(path));
      setState("idle");
    } catch (error) {
      if (!(error instanceof ApiError)) throw error;
      setState(error);
    }
  };
  return (
    <div class="actions-end">
      {state instanceof ApiError && <ErrorMessage>{state.message}</ErrorMessage>}
      {EXPORT_FORMATS.map((format) => (
        <button
          type="button"
          class="small"
          key={format}
          disabled={state === "busy"}
          onClick={() => void save(format)}
        >
          <Icon name="download" /> {format.toUpperCase()}
        </button>
      ))}
    </div>
  );
}
