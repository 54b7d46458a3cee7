import type uPlot from "uplot";
import type { OneShotMark } from "../live/deviceLog.ts";
import type { Period } from "../live/period.ts";
import { isFailedSwap, type Swap, swapLabel } from "../live/swap.ts";
import type { TargetStep } from "../live/target.ts";
import type { ChartColours } from "./colours.ts";

/** Rows for the labels of adjacent markers. */
const LABEL_ROWS = 4;

/** Everything drawn beside the line. */
export interface Annotations {
  readonly targets: readonly TargetStep[];
  readonly swaps: readonly Swap[];
  readonly oneShotFaults: readonly OneShotMark[];
  readonly faults: readonly Period[];
  readonly offline: readonly Period[];
}

/** Draws the periods of faults and disconnections behind the line. */
export function drawBackground(
  chart: uPlot,
  annotations: Annotations,
  colours: ChartColours,
): void {
  drawBands(chart, annotations.offline, colours.offline);
  drawBands(chart, annotations.faults, colours.fault);
}

/** Draws targets, swaps and one-shot faults over the line. */
export function drawForeground(
  chart: uPlot,
  annotations: Annotations,
  colours: ChartColours,
): void {
  withClip(chart, () => {
    drawTargets(chart, annotations.targets, colours.target);
    for (const fault of annotations.oneShotFaults)
      drawMarker(chart, fault.at, colours.failure, [2, 3]);
    const taken: number[] = Array(LABEL_ROWS).fill(-Infinity);
    for (const swap of annotations.swaps) {
      const colour = isFailedSwap(swap) ? colours.failure : colours.swap;
      drawMarker(chart, swap.at, colour, []);
      drawLabel(chart, swap.at, colour, swapLabel(swap), taken);
    }
  });
}

/** Returns the targets within a time range. */
export function visibleTargets(steps: readonly TargetStep[], from: number, to: number): number[] {
  const shown = steps.filter(
    (step, index) => step.at <= to && (steps[index + 1]?.at ?? Infinity) >= from,
  );
  return shown.map((step) => step.value).filter((value) => value !== undefined);
}

function drawBands(chart: uPlot, periods: readonly Period[], colour: string): void {
  const { ctx, bbox } = chart;
  const end = chart.scales.x?.max ?? 0;
  withClip(chart, () => {
    ctx.fillStyle = colour;
    for (const { from, to = end } of periods) {
      const left = chart.valToPos(from, "x", true);
      const right = chart.valToPos(to, "x", true);
      ctx.fillRect(left, bbox.top, Math.max(right - left, devicePixelRatio), bbox.height);
    }
  });
}

/** Draws a stepped line, interrupted where there is no target. */
function drawTargets(chart: uPlot, targets: readonly TargetStep[], colour: string): void {
  const { ctx, bbox } = chart;
  const x = (at: number | undefined) =>
    at === undefined ? bbox.left + bbox.width : chart.valToPos(at, "x", true);
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

function drawMarker(chart: uPlot, at: number, colour: string, dash: number[]): void {
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
 * Draws the label of a marker on the side and in the first row that have space. `taken` is the
 * right end of each row; without space in any row the label is omitted.
 */
function drawLabel(chart: uPlot, at: number, colour: string, text: string, taken: number[]): void {
  const { ctx, bbox } = chart;
  const x = chart.valToPos(at, "x", true);
  const size = 11 * devicePixelRatio;
  ctx.fillStyle = colour;
  ctx.font = `600 ${size}px system-ui, sans-serif`;
  const width = ctx.measureText(text).width + size;
  const isRightAligned = x + width > bbox.left + bbox.width;
  const row = taken.findIndex((end) => end <= (isRightAligned ? x - width : x));
  if (row < 0) return;
  taken[row] = isRightAligned ? x : x + width;
  ctx.textAlign = isRightAligned ? "right" : "left";
  ctx.textBaseline = "top";
  ctx.fillText(
    text,
    x + (isRightAligned ? -size : size) / 2,
    bbox.top + 2 * devicePixelRatio + row * size * 1.3,
  );
}

function withClip(chart: uPlot, draw: () => void): void {
  const { ctx, bbox } = chart;
  ctx.save();
  ctx.beginPath();
  ctx.rect(bbox.left, bbox.top, bbox.width, bbox.height);
  ctx.clip();
  draw();
  ctx.restore();
}
