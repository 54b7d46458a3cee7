import { Fragment } from "preact";
import { useState } from "preact/hooks";
import { faultName } from "../api/faults.ts";
import { Chip, type Tone } from "../components/Chip.tsx";
import { JsonView } from "../components/JsonView.tsx";
import { formatPreciseTime, formatValue } from "../format.ts";
import type { Json } from "../json.ts";
import { type CloudEvent, enqueuedAt } from "../live/event.ts";
import { eventValues } from "../live/eventValues.ts";
import { HOST_COMPONENT } from "../live/swap.ts";
import { type Column, findViolation } from "./columns.ts";

interface Props {
  /** Events, newest first. */
  events: CloudEvent[];
  columns: Column[];
  hidden: ReadonlySet<string>;
  isModelled: boolean;
}

/** Table of events; a row expands to show the whole event. */
export function DataTable({ events, columns, hidden, isModelled }: Props) {
  const [expanded, setExpanded] = useState<ReadonlySet<number>>(new Set());
  const byPath = new Map(columns.map((column) => [column.path, column]));
  const shown = columns.filter((column) => !hidden.has(column.path));
  const toggle = (sequence: number) => {
    const next = new Set(expanded);
    if (!next.delete(sequence)) next.add(sequence);
    setExpanded(next);
  };
  return (
    <div class="card table">
      <table class="data">
        <thead>
          <tr>
            <th>Time</th>
            <th>Type</th>
            {shown.map((column) => (
              <th key={column.path} title={column.path}>
                {column.title}
                {column.unit && <span class="muted"> {column.unit}</span>}
                {isModelled && !column.schema && <span class="muted"> (not in the model)</span>}
              </th>
            ))}
            <th>Details</th>
          </tr>
        </thead>
        <tbody>
          {events.map((event) => {
            const isExpanded = expanded.has(event.sequence);
            return (
              <Fragment key={event.sequence}>
                <Row
                  event={event}
                  shown={shown}
                  violation={findViolation(event, byPath, isModelled)}
                  isExpanded={isExpanded}
                  onToggle={() => toggle(event.sequence)}
                />
                {isExpanded && (
                  <tr class="expanded">
                    <td colSpan={shown.length + 3}>
                      <JsonView value={event as unknown as Json} />
                    </td>
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
  violation: string | undefined;
  isExpanded: boolean;
  onToggle: () => void;
}

function Row({ event, shown, violation, isExpanded, onToggle }: RowProps) {
  const values = eventValues(event);
  return (
    <tr class={violation ? "has-error" : ""}>
      <td class="time">
        <button
          type="button"
          class="subtle small"
          aria-expanded={isExpanded}
          onClick={onToggle}
          title="Show details"
        >
          {formatPreciseTime(enqueuedAt(event))}
        </button>
      </td>
      <td>
        <Chip tone={TONES[event.type] ?? "neutral"}>{event.type}</Chip>
      </td>
      {shown.map((column) => (
        <td key={column.path} class="ellipsis" data-title={column.title}>
          {formatValue(values.get(column.path), column.decimalPlaces)}
        </td>
      ))}
      <td class="ellipsis">
        {violation ? (
          <span class="violation">{violation}</span>
        ) : (
          <span class="muted">{detailOf(event)}</span>
        )}
      </td>
    </tr>
  );
}

const TONES: Partial<Record<CloudEvent["type"], Tone>> = {
  telemetry: "info",
  connected: "success",
  disconnected: "warning",
  "fault-started": "danger",
  "fault-triggered": "danger",
};

function detailOf(event: CloudEvent): string {
  switch (event.type) {
    case "command":
      return `${event.name} → ${event.status ?? event.error ?? ""}`;
    case "disconnected":
      return event.reason ?? "";
    case "fault-started":
    case "fault-ended":
    case "fault-triggered":
      return faultName(event.fault);
    case "reported":
      return `v${event.version}${HOST_COMPONENT in event.patch ? " · host" : ""}`;
    case "desired":
      return `v${event.version}`;
    default:
      return "";
  }
}
