import { useState } from "preact/hooks";
import type { DeviceLog } from "../live/device.ts";
import type { Period } from "../live/period.ts";
import { isWithdrawn, type Swap, told } from "../live/swap.ts";
import { Chip, type Tone } from "../part/Chip.tsx";
import { clock, span } from "../words.ts";

/** Happenings shown before all are asked for. */
const FEW = 8;

interface Happening {
  readonly at: number;
  readonly kind: string;
  readonly tone: Tone;
  readonly what: string;
}

/** What the marks on the chart stand for, the newest first. */
export function Happenings({ log }: { log: DeviceLog }) {
  const [isWhole, setWhole] = useState(false);
  log.changes.value;
  const all = [
    ...log.swaps.map(ofSwap),
    ...log.faults.all.map((period) => ofPeriod(period, "Fault", "bad")),
    ...log.offline.all.map((period) => ofPeriod(period, "Not connected", "quiet")),
    ...log.strokes.map((stroke): Happening => ({ at: stroke.at, kind: "Fault", tone: "bad", what: stroke.what })),
  ];
  const newest = all.sort((a, b) => b.at - a.at).slice(0, isWhole ? all.length : FEW);
  return (
    <section class="card">
      <h2>What happened</h2>
      {newest.length === 0 && <p class="faint">No swap, no fault and no lost connection so far.</p>}
      <ol class="happenings">
        {newest.map(({ at, kind, tone, what }) => (
          <li key={`${at}${kind}${what}`}>
            <time>{clock(at)}</time> <Chip tone={tone}>{kind}</Chip> <span>{what}</span>
          </li>
        ))}
      </ol>
      {newest.length < all.length && (
        <button type="button" class="small" onClick={() => setWhole(true)}>Show all {all.length}</button>
      )}
    </section>
  );
}

function ofSwap(swap: Swap): Happening {
  const details = [
    told(swap),
    swap.sha256?.slice(0, 8),
    swap.pause === undefined ? undefined : `pause ${span(swap.pause)}`,
    swap.reason,
  ];
  const tone = isWithdrawn(swap) ? "bad" : "accent";
  return { at: swap.at, kind: "Swap", tone, what: details.filter(Boolean).join(" · ") };
}

function ofPeriod(period: Period, kind: string, tone: Tone): Happening {
  const lasted = period.to === undefined ? "still on" : `for ${span(period.to - period.from)}`;
  return { at: period.from, kind, tone, what: `${period.what} · ${lasted}` };
}
