/** Colours of the chart, as set by the style sheet. */
export interface ChartColours {
  readonly line: string;
  readonly fill: string;
  readonly target: string;
  readonly grid: string;
  readonly text: string;
  readonly swap: string;
  readonly failure: string;
  readonly fault: string;
  readonly offline: string;
}

/**
 * Reads the colours; the style sheet registers them as properties of type color, so that they are
 * resolved.
 */
export function chartColours(): ChartColours {
  const style = getComputedStyle(document.documentElement);
  const colour = (name: string) => style.getPropertyValue(`--chart-${name}`);
  return {
    line: colour("line"),
    fill: colour("fill"),
    target: colour("target"),
    grid: colour("grid"),
    text: colour("text"),
    swap: colour("swap"),
    failure: colour("failure"),
    fault: colour("fault"),
    offline: colour("offline"),
  };
}
