import uPlot from "uplot";
import type { Series } from "../live/series.ts";
import { type Annotations, drawBackground, drawForeground, visibleTargets } from "./annotations.ts";
import { chartColours } from "./colours.ts";

/** Time range, in milliseconds. */
export interface TimeRange {
  readonly from: number;
  readonly to: number;
}

/** Events of the plot. */
export interface PlotEvents {
  /** Called when a time range is selected with the mouse. */
  onSelect: (range: TimeRange) => void;
  /** Called with the point under the mouse, if there is one. */
  onPoint: (point: { at: number; value: number } | undefined) => void;
}

const FONT = "12px system-ui, sans-serif";
/** Width reserved for the last time label, which is centred on the right end. */
const LABEL_WIDTH = 60;

/** Line chart over time, with annotations. */
export class Plot {
  private readonly plot: uPlot;
  private colours = chartColours();

  constructor(
    private readonly container: HTMLElement,
    private readonly annotations: () => Annotations,
    private readonly events: PlotEvents,
  ) {
    this.plot = new uPlot(this.options(), [[], []], container);
  }

  /** Shows a time range of a series. */
  show(series: Series | undefined, range: TimeRange): void {
    const [times, values] = series?.between(range.from, range.to) ?? [[], []];
    this.plot.batch(() => {
      this.plot.setData([times, values], false);
      this.plot.setScale("x", { min: range.from, max: range.to });
    });
  }

  /** Resizes the plot to its container. */
  resize(): void {
    this.plot.setSize({ width: this.container.clientWidth, height: this.container.clientHeight });
  }

  /** Redraws the plot with the current colours. */
  recolour(): void {
    this.colours = chartColours();
    this.plot.redraw();
  }

  destroy(): void {
    this.plot.destroy();
  }

  private options(): uPlot.Options {
    const axis = { stroke: () => this.colours.text, font: FONT, ticks: { show: false } };
    const grid = { stroke: () => this.colours.grid, width: 1 };
    return {
      width: this.container.clientWidth,
      height: this.container.clientHeight,
      ms: 1,
      padding: [10, LABEL_WIDTH / 2, 0, 0],
      legend: { show: false },
      cursor: { y: false, drag: { x: true, y: false, setScale: false } },
      select: { show: true, left: 0, top: 0, width: 0, height: 0 },
      scales: { x: { time: true }, y: { range: (plot, min, max) => this.range(plot, min, max) } },
      axes: [
        { ...axis, grid: { show: false }, space: 80, size: 32, values: "{HH}:{mm}:{ss}" },
        { ...axis, grid, size: 52 },
      ],
      series: [
        {},
        {
          stroke: () => this.colours.line,
          fill: () => this.colours.fill,
          width: 2,
          points: { size: 5, fill: () => this.colours.line },
        },
      ],
      hooks: {
        drawClear: [(plot) => drawBackground(plot, this.annotations(), this.colours)],
        draw: [(plot) => drawForeground(plot, this.annotations(), this.colours)],
        setSelect: [(plot) => this.select(plot)],
        setCursor: [(plot) => this.reportPoint(plot)],
      },
    };
  }

  /** Returns a value range that includes the line and the targets, with a margin; never empty. */
  private range(plot: uPlot, min: number | null, max: number | null): [number, number] {
    const { min: from = 0, max: to = 0 } = plot.scales.x ?? {};
    const targets = visibleTargets(this.annotations().targets, from, to);
    const all = [...(min === null || max === null ? [] : [min, max]), ...targets];
    if (all.length === 0) return [0, 1];
    const [low, high] = [Math.min(...all), Math.max(...all)];
    const margin = Math.max((high - low) * 0.12, Math.abs(high) * 0.01, 0.5);
    return [low - margin, high + margin];
  }

  private select(plot: uPlot): void {
    if (plot.select.width < 4) return;
    const from = plot.posToVal(plot.select.left, "x");
    const to = plot.posToVal(plot.select.left + plot.select.width, "x");
    plot.setSelect({ left: 0, top: 0, width: 0, height: 0 }, false);
    this.events.onSelect({ from, to });
  }

  private reportPoint(plot: uPlot): void {
    const index = plot.cursor.idx;
    const at = index == null ? undefined : plot.data[0][index];
    const value = index == null ? undefined : plot.data[1]?.[index];
    this.events.onPoint(at === undefined || value == null ? undefined : { at, value });
  }
}
