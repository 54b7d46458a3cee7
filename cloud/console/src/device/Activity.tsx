import { useState } from "preact/hooks";
import { Chip, type Tone } from "../components/Chip.tsx";
import { formatDuration, formatTime } from "../format.ts";
import type { DeviceLog } from "../live/deviceLog.ts";
import type { Period } from "../live/period.ts";
import { describeSwap, isFailedSwap, type Swap } from "../live/swap.ts";

/** Items shown initially. */
const INITIAL_ITEMS = 8;

interface ActivityItem {
  readonly at: number;
  readonly kind: string;
  readonly tone: Tone;
  readonly text: string;
}

/** Swaps, faults and disconnections of the device, newest first. */
export function Activity({ log }: { log: DeviceLog }) {
  const [showsAll, setShowsAll] = useState(false);
  log.changes.value;
  const all = [
    ...log.swaps.map(swapItem),
    ...log.faults.all.map((period) => periodItem(period, "Fault", "danger")),
    ...log.offline.all.map((period) => periodItem(period, "Disconnected", "neutral")),
    ...log.oneShotFaults.map(
      (fault): ActivityItem => ({ at: fault.at, kind: "Fault", tone: "danger", text: fault.name }),
    ),
  ];
  const newest = all.sort((a, b) => b.at - a.at).slice(0, showsAll ? all.length : INITIAL_ITEMS);
  return (
    <section class="card">
      <h2>Activity</h2>
      {newest.length === 0 && <p class="muted">No swaps, faults or disconnects</p>}
      <ol class="activity">
        {newest.map(({ at, kind, tone, text }) => (
          <li key={`${at}${kind}${text}`}>
            <time>{formatTime(at)}</time> <Chip tone={tone}>{kind}</Chip> <span>{text}</span>
          </li>
        ))}
      </ol>
      {newest.length < all.length && (
        <button type="button" class="small" onClick={() => setShowsAll(true)}>
          Show all {all.length}
        </button>
      )}
    </section>
  );
}

function swapItem(swap: Swap): ActivityItem {
  const details = [
    describeSwap(swap),
    swap.sha256?.slice(0, 8),
    swap.pause === undefined ? undefined : `pause ${formatDuration(swap.pause)}`,
    swap.reason,
  ];
  const tone = isFailedSwap(swap) ? "danger" : "info";
  return { at: swap.at, kind: "Swap", tone, text: details.filter(Boolean).join(" · ") };
}

function periodItem(period: Period, kind: string, tone: Tone): ActivityItem {
  const duration =
    period.to === undefined ? "ongoing" : `for ${formatDuration(period.to - period.from)}`;
  return { at: period.from, kind, tone, text: `${period.name} · ${duration}` };
}
