import { useState } from "preact/hooks";
import { getSwapHistory, type HistoryEntry, type HostStatus } from "../api/host.ts";
import { Chip } from "../components/Chip.tsx";
import { useQuery } from "../components/hooks.ts";
import { ErrorMessage, Skeleton } from "../components/States.tsx";
import { formatTime, formatTitle, parseTime, shortHash } from "../format.ts";
import { entryDetails, entryTitle, entryTone } from "./history.ts";

/** Entries shown initially. */
const INITIAL_ENTRIES = 10;

/** Swap history of a device, newest first. */
export function SwapHistory({ status }: { status: HostStatus }) {
  // A step changes the counts; a restart changes the process id.
  const history = useQuery(getSwapHistory, [JSON.stringify([status.pid, status.steps])]);
  return (
    <section class="card">
      <h2>Swap history</h2>
      {history.error && <ErrorMessage>{history.error}</ErrorMessage>}
      {history.data ? (
        <Entries entries={history.data.toReversed()} />
      ) : (
        !history.error && <Skeleton lines={3} />
      )}
      {status.quarantined.length > 0 && (
        <>
          <h3>Quarantined</h3>
          <ul class="activity">
            {status.quarantined.map(({ sha256, reason }) => (
              <li key={sha256}>
                <code title={sha256}>{shortHash(sha256)}</code>
                <span>{reason}</span>
              </li>
            ))}
          </ul>
        </>
      )}
    </section>
  );
}

function Entries({ entries }: { entries: HistoryEntry[] }) {
  const [showsAll, setShowsAll] = useState(false);
  if (entries.length === 0) return <p class="muted">No swap history</p>;
  const shown = showsAll ? entries : entries.slice(0, INITIAL_ENTRIES);
  return (
    <>
      <ol class="activity history">
        {shown.map((entry) => (
          <li key={`${entry.time}${entry.step}`}>
            <time>{formatTime(parseTime(entry.time) ?? 0)}</time>
            <Chip tone={entryTone(entry)}>{formatTitle(entry.step)}</Chip>
            <div>
              <strong>{entryTitle(entry)}</strong>
              <p class="muted">{entryDetails(entry)}</p>
            </div>
          </li>
        ))}
      </ol>
      {shown.length < entries.length && (
        <button type="button" class="small" onClick={() => setShowsAll(true)}>
          Show all {entries.length}
        </button>
      )}
    </>
  );
}
