import { useSignalEffect } from "@preact/signals";
import { useEffect, useRef, useState } from "preact/hooks";
import { Icon } from "../components/Icon.tsx";
import { formatPreciseTime, formatValue } from "../format.ts";
import type { DeviceLog } from "../live/deviceLog.ts";
import { colourChanges } from "../theme.ts";
import { Plot, type TimeRange } from "./plot.ts";

/** Milliseconds between two redraws without new data. */
const REDRAW_INTERVAL = 500;

/** Shortest time range shown. */
const MIN_RANGE = 60_000;

const RANGES = [
  { title: "1 min", length: 60_000 },
  { title: "10 min", length: 600_000 },
  { title: "1 h", length: 3_600_000 },
  { title: "All", length: undefined },
] as const;

interface Props {
  log: DeviceLog;
  /** Path of the telemetry. */
  path: string;
  title: string;
  unit: string | undefined;
  decimalPlaces: number | undefined;
  /** Path of the target property. */
  target: string | undefined;
}

/** Chart of a telemetry with its target, swaps, faults and disconnections. */
export function Chart({ log, path, title, unit, decimalPlaces, target }: Props) {
  const [length, setLength] = useState<number | undefined>(600_000);
  const [frozen, setFrozen] = useState<TimeRange>();
  const [point, setPoint] = useState<{ at: number; value: number }>();
  const container = useRef<HTMLDivElement>(null);
  const plot = useRef<Plot | undefined>(undefined);
  const range = (): TimeRange => frozen ?? currentRange(log.series.get(path)?.first, length);
  const draw = () => plot.current?.show(log.series.get(path), range());

  useEffect(() => {
    if (!container.current) return;
    const annotations = () => ({
      targets: target === undefined ? [] : log.targets.of(target),
      swaps: log.swaps,
      oneShotFaults: log.oneShotFaults,
      faults: log.faults.all,
      offline: log.offline.all,
    });
    const created = new Plot(container.current, annotations, {
      onSelect: setFrozen,
      onPoint: setPoint,
    });
    plot.current = created;
    const observer = new ResizeObserver(() => created.resize());
    observer.observe(container.current);
    return () => {
      observer.disconnect();
      created.destroy();
    };
  }, [log, target]);
  useEffect(() => {
    draw();
    if (frozen) return;
    const timer = setInterval(draw, REDRAW_INTERVAL);
    return () => clearInterval(timer);
  }, [frozen, length, path, target]);
  useSignalEffect(() => {
    if (log.changes.value > 0 && !frozen) draw();
  });
  useSignalEffect(() => {
    if (colourChanges.value > 0) plot.current?.recolour();
  });

  return (
    <figure class="card chart">
      <figcaption>
        <span class="reading" aria-live="off">
          {point
            ? `${formatPreciseTime(point.at)}  ${formatValue(point.value, decimalPlaces)} ${unit ?? ""}`
            : title}
        </span>
        <div class="segments" role="group" aria-label="Time range">
          {RANGES.map((option) => (
            <button
              type="button"
              key={option.title}
              aria-pressed={!frozen && length === option.length}
              onClick={() => {
                setLength(option.length);
                setFrozen(undefined);
              }}
            >
              {option.title}
            </button>
          ))}
        </div>
        <button
          type="button"
          class="pause"
          aria-pressed={frozen !== undefined}
          onClick={() => setFrozen(frozen ? undefined : range())}
        >
          <Icon name={frozen ? "play" : "pause"} /> {frozen ? "Resume" : "Pause"}
        </button>
      </figcaption>
      <div class="plot" ref={container} role="img" aria-label={`${title} over time`} />
      <Legend target={target !== undefined} />
    </figure>
  );
}

/** Returns the time range up to now: not longer than the data, and at least `MIN_RANGE`. */
function currentRange(first: number | undefined, length: number = Infinity): TimeRange {
  const to = Date.now();
  const shortest = Math.min(length, MIN_RANGE);
  return { from: Math.min(to - shortest, Math.max(to - length, first ?? to)), to };
}

function Legend({ target }: { target: boolean }) {
  return (
    <ul class="legend">
      <li class="line">Measured</li>
      {target && <li class="target">Target</li>}
      <li class="swap">Swap</li>
      <li class="fault">Fault</li>
      <li class="offline">Disconnected</li>
    </ul>
  );
}
