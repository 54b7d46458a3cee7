import { useState } from "preact/hooks";
import type { DeviceLog } from "../live/device.ts";
import type { Outage } from "../live/outage.ts";
import { Chip } from "../part/Chip.tsx";
import { useNow } from "../part/use.ts";
import { clock, count, span } from "../words.ts";

/** Outages shown at first. */
const FIRST = 5;

/** What each outage cost, the newest first. */
export function OutageTable({ log }: { log: DeviceLog }) {
  const [shown, setShown] = useState(FIRST);
  const now = useNow();
  const all = log.outages.all;
  const newest = all.slice(-shown).reverse();
  return (
    <section class="card table outages">
      <h2>What each outage cost</h2>
      {newest.length === 0 && <p class="faint">No fault and no lost connection so far.</p>}
      {newest.length > 0 && (
        <table class="stacked">
          <thead>
            <tr><th>Outage</th><th>Lost</th><th>Duplicated</th><th>Queued until recovery</th><th>Recovery</th></tr>
          </thead>
          <tbody>
            {newest.map((outage, index) => (
              <tr key={outage.from}>
                <th scope="row"><What outage={outage} now={now} /></th>
                <td data-title="Lost"><Lost log={log} outage={outage} next={newest[index - 1]} /></td>
                <td data-title="Duplicated"><Duplicated log={log} outage={outage} /></td>
                <td data-title="Queued"><Queued log={log} outage={outage} isNewest={index === 0} now={now} /></td>
                <td data-title="Recovery"><Recovery outage={outage} now={now} /></td>
              </tr>
            ))}
          </tbody>
        </table>
      )}
      {all.length > shown && <button type="button" class="small" onClick={() => setShown(all.length)}>Show older</button>}
    </section>
  );
}

function What({ outage: { from, to, causes }, now }: { outage: Outage; now: number }) {
  const lasted = to === undefined ? `still on after ${span(Math.max(0, now - from))}` : `lasted ${span(to - from)}`;
  return (
    <>
      <span class="causes">{causes.map((cause) => <Chip key={cause} tone="bad">{cause}</Chip>)}</span>
      <span class="faint">{clock(from)} · {lasted}</span>
    </>
  );
}

/** A number, with what more there is to say of it. */
function Cost({ value, more }: { value: string; more?: string | undefined }) {
  return <>{value}{more && <span class="faint">{more}</span>}</>;
}

function Lost({ log, outage, next }: { log: DeviceLog; outage: Outage; next: Outage | undefined }) {
  const given = log.outbox.between(outage.from, next?.from);
  if (!given) return <Cost value="not known" more="the device does not say" />;
  return given.isExact
    ? <Cost value={String(given.messages)} more={given.messages > 0 ? "given up by the host" : undefined} />
    : <Cost value={`${given.messages} at most`} more="of all that was ever given up" />;
}

function Duplicated({ log, outage }: { log: DeviceLog; outage: Outage }) {
  if (log.outages.named === false) return <Cost value="not known" more="its messages have no id" />;
  return <Cost value={String(outage.duplicated)} />;
}

function Queued({ log, outage, isNewest, now }: { log: DeviceLog; outage: Outage; isNewest: boolean; now: number }) {
  const { to, queued, longestWait } = outage;
  const waiting = isNewest ? log.outbox.latest : undefined;
  const oldest = (waiting?.oldest ?? 0) * 1000;
  if (waiting && (to === undefined || oldest > now - to)) {
    const age = waiting.oldest === null ? "" : `, the oldest for ${span(oldest)}`;
    return <Cost value={`${queued} so far`} more={`${count(waiting.messages, "message")} waiting now${age}`} />;
  }
  if (log.outages.dated === false) return <Cost value="not known" more="its messages do not say when they were made" />;
  return <Cost value={String(queued)} more={queued > 0 ? `the longest for ${span(longestWait)}` : undefined} />;
}

function Recovery({ outage, now }: { outage: Outage; now: number }) {
  const { from, to, faultEnded, recovered } = outage;
  if (to === undefined) return <Cost value="not yet" />;
  const since = faultEnded ?? from;
  const begun = faultEnded === undefined ? "without a connection" : "after the fault ended";
  if (recovered === undefined) return <Cost value="not yet" more={`${span(Math.max(0, now - since))} ${begun}`} />;
  return <Cost value={span(recovered - since)} more={begun} />;
}
