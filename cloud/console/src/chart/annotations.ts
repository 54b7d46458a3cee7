import type uPlot from "uplot";
import type { Stroke } from "../live/device.ts";
import type { Period } from "../live/period.ts";
import { isWithdrawn, label, type Swap } from "../live/swap.ts";
import type { Step } from "../live/target.ts";
import type { ChartColours } from "./colours.ts";

/** Rows for the words of marks that lie close. */
const ROWS = 4;

/** What is drawn beside the line itself. */
export interface Annotations {
  readonly targets: readonly Step[];
  readonly swaps: readonly Swap[];
  readonly strokes: readonly Stroke[];
  readonly faults: readonly Period[];
  readonly offline: readonly Period[];
}

/** Behind the line: the times of faults, and those without a connection. */
export function drawBehind(chart: uPlot, annotations: Annotations, colours: ChartColours): void {
  bands(chart, annotations.offline, colours.offline);
  bands(chart, annotations.faults, colours.fault);
}

/** Before the line: the target, swaps and strokes. */
export function drawBefore(chart: uPlot, annotations: Annotations, colours: ChartColours): void {
  clipped(chart, () => {
    steps(chart, annotations.targets, colours.target);
    for (const stroke of annotations.strokes) mark(chart, stroke.at, colours.withdrawn, [2, 3]);
    const taken: number[] = Array(ROWS).fill(-Infinity);
    for (const swap of annotations.swaps) {
      const colour = isWithdrawn(swap) ? colours.withdrawn : colours.swap;
      mark(chart, swap.at, colour, []);
      flag(chart, swap.at, colour, label(swap), taken);
    }
  });
}

/** The targets that are to be seen. */
export function targetsWithin(steps: readonly Step[], from: number, to: number): number[] {
  const shown = steps.filter((step, index) => step.at <= to && (steps[index + 1]?.at ?? Infinity) >= from);
  return shown.map((step) => step.value).filter((value) => value !== undefined);
}

function bands(chart: uPlot, periods: readonly Period[], colour: string): void {
  const { ctx, bbox } = chart;
  const end = chart.scales["x"]?.max ?? 0;
  clipped(chart, () => {
    ctx.fillStyle = colour;
    for (const { from, to = end } of periods) {
      const left = chart.valToPos(from, "x", true);
      const right = chart.valToPos(to, "x", true);
      ctx.fillRect(left, bbox.top, Math.max(right - left, devicePixelRatio), bbox.height);
    }
  });
}

/** A line from step to step, broken where there is no value. */
function steps(chart: uPlot, targets: readonly Step[], colour: string): void {
  const { ctx, bbox } = chart;
  const x = (at: number | undefined) => (at === undefined ? bbox.left + bbox.width : chart.valToPos(at, "x", true));
  ctx.strokeStyle = colour;
  ctx.lineWidth = 1.5 * devicePixelRatio;
  ctx.setLineDash([6 * devicePixelRatio, 4 * devicePixelRatio]);
  ctx.beginPath();
  for (const [index, { at, value }] of targets.entries()) {
    if (value === undefined) continue;
    const y = chart.valToPos(value, "y", true);
    if (targets[index - 1]?.value === undefined) ctx.moveTo(x(at), y);
    else ctx.lineTo(x(at), y);
    ctx.lineTo(x(targets[index + 1]?.at), y);
  }
  ctx.stroke();
  ctx.setLineDash([]);
}

function mark(chart: uPlot, at: number, colour: string, dash: number[]): void {
  const { ctx, bbox } = chart;
  const x = Math.round(chart.valToPos(at, "x", true));
  ctx.strokeStyle = colour;
  ctx.lineWidth = 1.5 * devicePixelRatio;
  ctx.setLineDash(dash.map((length) => length * devicePixelRatio));
  ctx.beginPath();
  ctx.moveTo(x, bbox.top);
  ctx.lineTo(x, bbox.top + bbox.height);
  ctx.stroke();
  ctx.setLineDash([]);
}

/**
 * Words beside a mark, on the side where there is room for them, and in the first row where there is. `taken` is how far
 * each row is written already; with no room in any the mark stands alone.
 */
function flag(chart: uPlot, at: number, colour: string, text: string, taken: number[]): void {
  const { ctx, bbox } = chart;
  const x = chart.valToPos(at, "x", true);
  const size = 11 * devicePixelRatio;
  ctx.fillStyle = colour;
  ctx.font = `600 ${size}px system-ui, sans-serif`;
  const width = ctx.measureText(text).width + size;
  const isFar = x + width > bbox.left + bbox.width;
  const row = taken.findIndex((end) => end <= (isFar ? x - width : x));
  if (row < 0) return;
  taken[row] = isFar ? x : x + width;
  ctx.textAlign = isFar ? "right" : "left";
  ctx.textBaseline = "top";
  ctx.fillText(text, x + (isFar ? -size : size) / 2, bbox.top + 2 * devicePixelRatio + row * size * 1.3);
}

function clipped(chart: uPlot, draw: () => void): void {
  const { ctx, bbox } = chart;
  ctx.save();
  ctx.beginPath();
  ctx.rect(bbox.left, bbox.top, bbox.width, bbox.height);
  ctx.clip();
  draw();
  ctx.restore();
}
