import { Fragment } from "preact";
import { useState } from "preact/hooks";
import { nameOf } from "../cloud/faults.ts";
import type { Json } from "../json.ts";
import { cells } from "../live/cells.ts";
import { type CloudEvent, time } from "../live/event.ts";
import { HOST } from "../live/swap.ts";
import { Chip, type Tone } from "../part/Chip.tsx";
import { JsonView } from "../part/JsonView.tsx";
import { preciseClock, short } from "../words.ts";
import { type Column, flaw } from "./columns.ts";

interface Props {
  /** The newest first. */
  events: CloudEvent[];
  columns: Column[];
  hidden: ReadonlySet<string>;
  isModelled: boolean;
}

/** Events, one a row; a row opens to show all of it. */
export function DataTable({ events, columns, hidden, isModelled }: Props) {
  const [opened, setOpened] = useState<ReadonlySet<number>>(new Set());
  const known = new Map(columns.map((column) => [column.path, column]));
  const shown = columns.filter((column) => !hidden.has(column.path));
  const toggle = (sequence: number) => {
    const next = new Set(opened);
    if (!next.delete(sequence)) next.add(sequence);
    setOpened(next);
  };
  return (
    <div class="card table">
      <table class="data">
        <thead>
          <tr>
            <th>Time</th><th>Type</th>
            {shown.map((column) => (
              <th key={column.path} title={column.path}>
                {column.title}{column.unit && <span class="faint"> {column.unit}</span>}
                {isModelled && !column.schema && <span class="faint"> (not in the model)</span>}
              </th>
            ))}
            <th>Remarks</th>
          </tr>
        </thead>
        <tbody>
          {events.map((event) => {
            const isOpen = opened.has(event.sequence);
            return (
              <Fragment key={event.sequence}>
                <Row event={event} shown={shown} why={flaw(event, known, isModelled)} isOpen={isOpen} onOpen={() => toggle(event.sequence)} />
                {isOpen && (
                  <tr class="opened">
                    <td colSpan={shown.length + 3}><JsonView value={event as unknown as Json} /></td>
                  </tr>
                )}
              </Fragment>
            );
          })}
        </tbody>
      </table>
    </div>
  );
}

interface RowProps {
  event: CloudEvent;
  shown: Column[];
  why: string | undefined;
  isOpen: boolean;
  onOpen: () => void;
}

function Row({ event, shown, why, isOpen, onOpen }: RowProps) {
  const values = cells(event);
  return (
    <tr class={why ? "flawed" : ""}>
      <td class="time">
        <button type="button" class="quiet small" aria-expanded={isOpen} onClick={onOpen} title="Show all of it">
          {preciseClock(time(event))}
        </button>
      </td>
      <td><Chip tone={TONES[event.type] ?? "quiet"}>{event.type}</Chip></td>
      {shown.map((column) => <td key={column.path} class="clip" data-title={column.title}>{short(values.get(column.path))}</td>)}
      <td class="clip">{why ? <span class="flaw">{why}</span> : <span class="faint">{remark(event)}</span>}</td>
    </tr>
  );
}

const TONES: Partial<Record<CloudEvent["type"], Tone>> = {
  telemetry: "accent",
  connected: "good",
  disconnected: "wait",
  "fault-began": "bad",
  "fault-struck": "bad",
};

function remark(event: CloudEvent): string {
  switch (event.type) {
    case "command":
      return `${event.name} → ${event.status ?? event.error ?? ""}`;
    case "disconnected":
      return event.reason ?? "";
    case "fault-began":
    case "fault-ended":
    case "fault-struck":
      return nameOf(event.fault);
    case "reported":
      return `v${event.version}${HOST in event.patch ? ", what the host runs" : ""}`;
    case "desired":
      return `v${event.version}`;
    default:
      return "";
  }
}
