import { Fragment } from "preact";
import { useState } from "preact/hooks";
import { Chip } from "../components/Chip.tsx";
import { JsonView } from "../components/JsonView.tsx";
import { formatDuration, formatPreciseTime, formatTitle } from "../format.ts";
import type { Json } from "../json.ts";
import type { RoundTrip, TraceLog } from "./traceLog.ts";
import {
  isError,
  payloadError,
  recordContent,
  recordTitle,
  type TraceRecord,
} from "./traceRecord.ts";

interface Props {
  /** Records, newest first. */
  records: TraceRecord[];
  log: TraceLog;
}

/**
 * Table of records; an expanded row shows the whole record and highlights the other half of its
 * round trip.
 */
export function TraceTable({ records, log }: Props) {
  const [expanded, setExpanded] = useState<number>();
  const current = records.find((record) => record.sequence === expanded);
  const other = current && log.roundTripOf(current)?.other;
  return (
    <div class="card table">
      <table class="data trace">
        <thead>
          <tr>
            <th>Time</th>
            <th>Direction</th>
            <th>Operation</th>
            <th>Content</th>
            <th>Round trip</th>
          </tr>
        </thead>
        <tbody>
          {records.map((record) => {
            const isExpanded = record.sequence === expanded;
            return (
              <Fragment key={record.sequence}>
                <Row
                  record={record}
                  roundTrip={log.roundTripOf(record)}
                  isExpanded={isExpanded}
                  isCounterpart={record.sequence === other}
                  onToggle={() => setExpanded(isExpanded ? undefined : record.sequence)}
                />
                {isExpanded && (
                  <tr class="expanded">
                    <td colSpan={5}>
                      <JsonView value={record as unknown as Json} />
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
  record: TraceRecord;
  roundTrip: RoundTrip | undefined;
  isExpanded: boolean;
  isCounterpart: boolean;
  onToggle: () => void;
}

function Row({ record, roundTrip, isExpanded, isCounterpart, onToggle }: RowProps) {
  const error = payloadError(record);
  const rowClass = isCounterpart ? "counterpart" : isError(record) ? "has-error" : "";
  return (
    <tr class={rowClass}>
      <td class="time">
        <button
          type="button"
          class="subtle small"
          aria-expanded={isExpanded}
          onClick={onToggle}
          title="Show details"
        >
          {formatPreciseTime(Date.parse(record.time))}
        </button>
      </td>
      <td>
        <Direction record={record} />
      </td>
      <td class="title" title={recordTitle(record)}>
        <span class="truncated">{recordTitle(record)}</span>
      </td>
      <td class="ellipsis content">
        {error && <span class="violation">{error}: </span>}
        {recordContent(record)}
      </td>
      <td class="number">{formatRoundTrip(record, roundTrip)}</td>
    </tr>
  );
}

function Direction({ record }: { record: TraceRecord }) {
  if (record.kind === "request") return <Chip tone="neutral">REST</Chip>;
  if (record.kind !== "packet")
    return (
      <Chip tone={record.kind === "malformed" ? "danger" : "warning"}>
        {formatTitle(record.kind)}
      </Chip>
    );
  return record.direction === "up" ? (
    <Chip tone="info">From device</Chip>
  ) : (
    <Chip tone="success">To device</Chip>
  );
}

function formatRoundTrip(record: TraceRecord, trip: RoundTrip | undefined): string {
  if (record.kind === "request") return formatDuration(record.durationMs);
  if (!trip) return "";
  return trip.isResponse
    ? `after ${formatDuration(trip.duration)}`
    : `answered in ${formatDuration(trip.duration)}`;
}
