/** The colours a chart is drawn with, as the style sheet has them now. */
export interface ChartColours {
  readonly line: string;
  readonly fill: string;
  readonly target: string;
  readonly grid: string;
  readonly text: string;
  readonly swap: string;
  readonly withdrawn: string;
  readonly fault: string;
  readonly offline: string;
}

/** The style sheet registers these as colours, so that they are read as colours and not as what they are made of. */
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
    withdrawn: colour("withdrawn"),
    fault: colour("fault"),
    offline: colour("offline"),
  };
}
