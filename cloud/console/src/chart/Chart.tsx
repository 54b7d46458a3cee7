import { useSignalEffect } from "@preact/signals";
import { useEffect, useRef, useState } from "preact/hooks";
import type { DeviceLog } from "../live/device.ts";
import { Icon } from "../part/Icon.tsx";
import { colours } from "../theme.ts";
import { preciseClock, short } from "../words.ts";
import { Plot, type Span } from "./plot.ts";

/** Milliseconds between two drawings while time goes on and nothing comes. */
const PACE = 500;

/** Milliseconds that are always shown. */
const SHORTEST = 60_000;

const RANGES = [
  { title: "1 min", length: 60_000 },
  { title: "10 min", length: 600_000 },
  { title: "1 h", length: 3_600_000 },
  { title: "All", length: undefined },
] as const;

interface Props {
  log: DeviceLog;
  /** Of the telemetry that is drawn. */
  path: string;
  title: string;
  unit: string | undefined;
  /** Of the property that says what is aimed for. */
  target: string | undefined;
}

/** A telemetry over time, with its target, and with swaps and faults where they happened. */
export function Chart({ log, path, title, unit, target }: Props) {
  const [length, setLength] = useState<number | undefined>(600_000);
  const [held, setHeld] = useState<Span>();
  const [point, setPoint] = useState<{ at: number; value: number }>();
  const place = useRef<HTMLDivElement>(null);
  const plot = useRef<Plot | undefined>(undefined);
  const span = (): Span => held ?? window(log.series.get(path)?.first, length);
  const draw = () => plot.current?.show(log.series.get(path), span());

  useEffect(() => {
    if (!place.current) return;
    const annotations = () => ({
      targets: target === undefined ? [] : log.targets.of(target),
      swaps: log.swaps,
      strokes: log.strokes,
      faults: log.faults.all,
      offline: log.offline.all,
    });
    const made = new Plot(place.current, annotations, { onChoose: setHeld, onPoint: setPoint });
    plot.current = made;
    const observer = new ResizeObserver(() => made.fit());
    observer.observe(place.current);
    return () => {
      observer.disconnect();
      made.destroy();
    };
  }, [log, target]);
  useEffect(() => {
    draw();
    if (held) return;
    const timer = setInterval(draw, PACE);
    return () => clearInterval(timer);
  }, [held, length, path, target]);
  useSignalEffect(() => {
    if (log.changes.value > 0 && !held) draw();
  });
  useSignalEffect(() => {
    if (colours.value > 0) plot.current?.recolour();
  });

  return (
    <figure class="card chart">
      <figcaption>
        <span class="reading" aria-live="off">{point ? `${preciseClock(point.at)}  ${short(point.value)} ${unit ?? ""}` : title}</span>
        <div class="segments" role="group" aria-label="Time shown">
          {RANGES.map((range) => (
            <button
              type="button"
              key={range.title}
              aria-pressed={!held && length === range.length}
              onClick={() => {
                setLength(range.length);
                setHeld(undefined);
              }}
            >
              {range.title}
            </button>
          ))}
        </div>
        <button type="button" class="pause" aria-pressed={held !== undefined} onClick={() => setHeld(held ? undefined : span())}>
          <Icon name={held ? "play" : "pause"} /> {held ? "Resume" : "Pause"}
        </button>
      </figcaption>
      <div class="plot" ref={place} role="img" aria-label={`${title} over time`} />
      <Legend target={target !== undefined} />
    </figure>
  );
}

/** Up to now, and no longer than there is data for; but not so short that a few points fill it. */
function window(first: number | undefined, length: number = Infinity): Span {
  const to = Date.now();
  const shortest = Math.min(length, SHORTEST);
  return { from: Math.min(to - shortest, Math.max(to - length, first ?? to)), to };
}

function Legend({ target }: { target: boolean }) {
  return (
    <ul class="legend">
      <li class="line">Measured</li>
      {target && <li class="target">Target</li>}
      <li class="swap">Swap</li>
      <li class="fault">Fault</li>
      <li class="offline">Not connected</li>
    </ul>
  );
}
