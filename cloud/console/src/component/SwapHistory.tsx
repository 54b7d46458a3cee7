import { useState } from "preact/hooks";
import { type Entry, type HostStatus, versionHistory } from "../cloud/host.ts";
import { Chip } from "../part/Chip.tsx";
import { Skeleton, Trouble } from "../part/State.tsx";
import { useAsked } from "../part/use.ts";
import { clock, moment, shortHash } from "../words.ts";
import { details, head, toneOf } from "./history.ts";

/** Steps shown before all are asked for. */
const FEW = 10;

/** What became of the versions of a device, the newest first. */
export function SwapHistory({ status }: { status: HostStatus }) {
  // Each step is counted, by one process after the other.
  const history = useAsked(versionHistory, [JSON.stringify([status.process, status.steps])]);
  return (
    <section class="card">
      <h2>History</h2>
      {history.trouble && <Trouble>{history.trouble}</Trouble>}
      {history.value ? <Entries entries={history.value.toReversed()} /> : !history.trouble && <Skeleton lines={3} />}
      {status.quarantined.length > 0 && (
        <>
          <h3>Not taken again</h3>
          <ul class="happenings">
            {status.quarantined.map(({ sha256, reason }) => (
              <li key={sha256}><code title={sha256}>{shortHash(sha256)}</code><span>{reason}</span></li>
            ))}
          </ul>
        </>
      )}
    </section>
  );
}

function Entries({ entries }: { entries: Entry[] }) {
  const [isWhole, setWhole] = useState(false);
  if (entries.length === 0) return <p class="faint">No version has followed another so far.</p>;
  const shown = isWhole ? entries : entries.slice(0, FEW);
  return (
    <>
      <ol class="happenings history">
        {shown.map((entry) => (
          <li key={`${entry.time}${entry.step}`}>
            <time>{clock(moment(entry.time) ?? 0)}</time>
            <Chip tone={toneOf(entry)}>{entry.step.replace("-", " ")}</Chip>
            <div>
              <strong>{head(entry)}</strong>
              <p class="faint">{details(entry)}</p>
            </div>
          </li>
        ))}
      </ol>
      {shown.length < entries.length && (
        <button type="button" class="small" onClick={() => setWhole(true)}>Show all {entries.length}</button>
      )}
    </>
  );
}
