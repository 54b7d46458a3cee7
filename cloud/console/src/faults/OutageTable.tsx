import { useState } from "preact/hooks";
import { Chip } from "../components/Chip.tsx";
import { useNow } from "../components/hooks.ts";
import { formatCount, formatDuration, formatTime } from "../format.ts";
import type { DeviceLog } from "../live/deviceLog.ts";
import type { Outage } from "../live/outage.ts";

/** Outages shown initially. */
const INITIAL_ROWS = 5;

/** Impact of each outage, newest first. */
export function OutageTable({ log }: { log: DeviceLog }) {
  const [limit, setLimit] = useState(INITIAL_ROWS);
  const now = useNow();
  const all = log.outages.all;
  const newest = all.slice(-limit).reverse();
  return (
    <section class="card table outages">
      <h2>Outages</h2>
      {newest.length === 0 && <p class="muted">No outages</p>}
      {newest.length > 0 && (
        <table class="stacked">
          <thead>
            <tr>
              <th>Outage</th>
              <th>Lost</th>
              <th>Duplicated</th>
              <th>Queued</th>
              <th>Recovery</th>
            </tr>
          </thead>
          <tbody>
            {newest.map((outage, index) => (
              <tr key={outage.from}>
                <th scope="row">
                  <OutageCell outage={outage} now={now} />
                </th>
                <td data-title="Lost">
                  <Lost log={log} outage={outage} next={newest[index - 1]} />
                </td>
                <td data-title="Duplicated">
                  <Duplicated log={log} outage={outage} />
                </td>
                <td data-title="Queued">
                  <Queued log={log} outage={outage} isNewest={index === 0} now={now} />
                </td>
                <td data-title="Recovery">
                  <Recovery outage={outage} now={now} />
                </td>
              </tr>
            ))}
          </tbody>
        </table>
      )}
      {all.length > limit && (
        <button type="button" class="small" onClick={() => setLimit(all.length)}>
          Show older
        </button>
      )}
    </section>
  );
}

function OutageCell({ outage: { from, to, causes }, now }: { outage: Outage; now: number }) {
  const duration =
    to === undefined
      ? `ongoing for ${formatDuration(Math.max(0, now - from))}`
      : `lasted ${formatDuration(to - from)}`;
  return (
    <>
      <span class="causes">
        {causes.map((cause) => (
          <Chip key={cause} tone="danger">
            {cause}
          </Chip>
        ))}
      </span>
      <span class="muted">
        {formatTime(from)} · {duration}
      </span>
    </>
  );
}

/** Value with a note. */
function Metric({ value, note }: { value: string; note?: string | undefined }) {
  return (
    <>
      {value}
      {note && <span class="muted">{note}</span>}
    </>
  );
}

function Lost({ log, outage, next }: { log: DeviceLog; outage: Outage; next: Outage | undefined }) {
  const lost = log.outbox.lostBetween(outage.from, next?.from);
  if (!lost) return <Metric value="Unknown" note="no connection to the host" />;
  return lost.isExact ? (
    <Metric
      value={String(lost.messages)}
      note={lost.messages > 0 ? "evicted or dead-lettered" : undefined}
    />
  ) : (
    <Metric value={`at most ${lost.messages}`} note="evicted or dead-lettered in total" />
  );
}

function Duplicated({ log, outage }: { log: DeviceLog; outage: Outage }) {
  if (log.outages.hasMessageIds === false)
    return <Metric value="Unknown" note="messages have no ID" />;
  return <Metric value={String(outage.duplicated)} />;
}

function Queued({
  log,
  outage,
  isNewest,
  now,
}: {
  log: DeviceLog;
  outage: Outage;
  isNewest: boolean;
  now: number;
}) {
  const { to, queued, longestWait } = outage;
  const outbox = isNewest ? log.outbox.latest : undefined;
  const oldest = outbox?.oldestAgeMs ?? 0;
  if (outbox && (to === undefined || oldest > now - to)) {
    const age = outbox.oldestAgeMs === null ? "" : `, oldest ${formatDuration(oldest)}`;
    return (
      <Metric
        value={`${queued} so far`}
        note={`${formatCount(outbox.messages, "message")} in the outbox${age}`}
      />
    );
  }
  if (log.outages.hasCreationTimes === false)
    return <Metric value="Unknown" note="messages have no creation time" />;
  return (
    <Metric
      value={String(queued)}
      note={queued > 0 ? `longest wait ${formatDuration(longestWait)}` : undefined}
    />
  );
}

function Recovery({ outage, now }: { outage: Outage; now: number }) {
  const { from, to, faultEnded, recovered } = outage;
  if (to === undefined) return <Metric value="Pending" />;
  const since = faultEnded ?? from;
  const reference = faultEnded === undefined ? "after the disconnect" : "after the fault ended";
  if (recovered === undefined)
    return (
      <Metric value="Pending" note={`${formatDuration(Math.max(0, now - since))} ${reference}`} />
    );
  return <Metric value={formatDuration(recovered - since)} note={reference} />;
}
