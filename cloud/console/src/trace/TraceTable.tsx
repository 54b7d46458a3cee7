import { Fragment } from "preact";
import { useState } from "preact/hooks";
import type { Json } from "../json.ts";
import { Chip } from "../part/Chip.tsx";
import { JsonView } from "../part/JsonView.tsx";
import { preciseClock, span } from "../words.ts";
import type { RoundTrip, TraceLog } from "./log.ts";
import { contentOf, flawOf, isBad, titleOf, type TraceRecord } from "./record.ts";

interface Props {
  /** The newest first. */
  records: TraceRecord[];
  log: TraceLog;
}

/** Records, one a row; a row opens to show all of it, and points to what it answers or is answered by. */
export function TraceTable({ records, log }: Props) {
  const [opened, setOpened] = useState<number>();
  const partner = records.find((record) => record.sequence === opened);
  const other = partner && log.tripOf(partner)?.other;
  return (
    <div class="card table">
      <table class="data trace">
        <thead>
          <tr><th>Time</th><th>Way</th><th>What</th><th>Content</th><th>Round trip</th></tr>
        </thead>
        <tbody>
          {records.map((record) => {
            const isOpen = record.sequence === opened;
            return (
              <Fragment key={record.sequence}>
                <Row
                  record={record}
                  trip={log.tripOf(record)}
                  isOpen={isOpen}
                  isPartner={record.sequence === other}
                  onOpen={() => setOpened(isOpen ? undefined : record.sequence)}
                />
                {isOpen && (
                  <tr class="opened">
                    <td colSpan={5}><JsonView value={record as unknown as Json} /></td>
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
  trip: RoundTrip | undefined;
  isOpen: boolean;
  isPartner: boolean;
  onOpen: () => void;
}

function Row({ record, trip, isOpen, isPartner, onOpen }: RowProps) {
  const flaw = flawOf(record);
  const kind = isPartner ? "partner" : isBad(record) ? "flawed" : "";
  return (
    <tr class={kind}>
      <td class="time">
        <button type="button" class="quiet small" aria-expanded={isOpen} onClick={onOpen} title="Show all of it">
          {preciseClock(Date.parse(record.time))}
        </button>
      </td>
      <td><Way record={record} /></td>
      <td class="what" title={titleOf(record)}><span class="cut">{titleOf(record)}</span></td>
      <td class="clip content">{flaw && <span class="flaw">{flaw}: </span>}{contentOf(record)}</td>
      <td class="number">{tripTold(record, trip)}</td>
    </tr>
  );
}

function Way({ record }: { record: TraceRecord }) {
  if (record.kind === "request") return <Chip tone="quiet">operator</Chip>;
  if (record.kind !== "packet") return <Chip tone={record.kind === "malformed" ? "bad" : "wait"}>{record.kind}</Chip>;
  return record.way === "up" ? <Chip tone="accent">device →</Chip> : <Chip tone="good">→ device</Chip>;
}

function tripTold(record: TraceRecord, trip: RoundTrip | undefined): string {
  if (record.kind === "request") return span(record.milliseconds);
  if (!trip) return "";
  return trip.isAnswer ? `after ${span(trip.took)}` : `answered in ${span(trip.took)}`;
}
