import uPlot from "uplot";
import type { Series } from "../live/series.ts";
import { type Annotations, drawBefore, drawBehind, targetsWithin } from "./annotations.ts";
import { chartColours } from "./colours.ts";

/** A stretch of time, in milliseconds. */
export interface Span {
  readonly from: number;
  readonly to: number;
}

/** What the plot tells. */
export interface Heard {
  /** The person has chosen a stretch with the mouse. */
  onChoose: (span: Span) => void;
  /** The point under the mouse, if there is one. */
  onPoint: (point: { at: number; value: number } | undefined) => void;
}

const FONT = "12px system-ui, sans-serif";
/** More than a time of day takes, whose middle may stand at the right end. */
const LABEL = 60;

/** A line over time with everything that happened meanwhile. */
export class Plot {
  private readonly plot: uPlot;
  private colours = chartColours();

  constructor(
    private readonly place: HTMLElement,
    private readonly annotations: () => Annotations,
    private readonly heard: Heard,
  ) {
    this.plot = new uPlot(this.options(), [[], []], place);
  }

  /** Shows a stretch of a series. */
  show(series: Series | undefined, span: Span): void {
    const [times, values] = series?.between(span.from, span.to) ?? [[], []];
    this.plot.batch(() => {
      this.plot.setData([times, values], false);
      this.plot.setScale("x", { min: span.from, max: span.to });
    });
  }

  /** Takes the room there is. */
  fit(): void {
    this.plot.setSize({ width: this.place.clientWidth, height: this.place.clientHeight });
  }

  /** Draws with the colours the page has now. */
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
      width: this.place.clientWidth,
      height: this.place.clientHeight,
      ms: 1,
      padding: [10, LABEL / 2, 0, 0],
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
        { stroke: () => this.colours.line, fill: () => this.colours.fill, width: 2, points: { size: 5, fill: () => this.colours.line } },
      ],
      hooks: {
        drawClear: [(plot) => drawBehind(plot, this.annotations(), this.colours)],
        draw: [(plot) => drawBefore(plot, this.annotations(), this.colours)],
        setSelect: [(plot) => this.choose(plot)],
        setCursor: [(plot) => this.point(plot)],
      },
    };
  }

  /** High enough for the line and the target, with some air; of some height also when nothing changes. */
  private range(plot: uPlot, min: number | null, max: number | null): [number, number] {
    const { min: from = 0, max: to = 0 } = plot.scales["x"] ?? {};
    const targets = targetsWithin(this.annotations().targets, from, to);
    const all = [...(min === null || max === null ? [] : [min, max]), ...targets];
    if (all.length === 0) return [0, 1];
    const [low, high] = [Math.min(...all), Math.max(...all)];
    const air = Math.max((high - low) * 0.12, Math.abs(high) * 0.01, 0.5);
    return [low - air, high + air];
  }

  private choose(plot: uPlot): void {
    if (plot.select.width < 4) return;
    const from = plot.posToVal(plot.select.left, "x");
    const to = plot.posToVal(plot.select.left + plot.select.width, "x");
    plot.setSelect({ left: 0, top: 0, width: 0, height: 0 }, false);
    this.heard.onChoose({ from, to });
  }

  private point(plot: uPlot): void {
    const index = plot.cursor.idx;
    const at = index == null ? undefined : plot.data[0][index];
    const value = index == null ? undefined : plot.data[1]?.[index];
    this.heard.onPoint(at === undefined || value == null ? undefined : { at, value });
  }
}
