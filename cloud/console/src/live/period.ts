/** Maximum number of periods. */
const MAX_PERIODS = 200;

/** Named period; without an end while it lasts. */
export interface Period {
  readonly key: string;
  readonly name: string;
  readonly from: number;
  to: number | undefined;
}

/** List of periods. */
export class Periods {
  readonly all: Period[] = [];

  start(key: string, name: string, from: number): void {
    this.end(key, from);
    this.all.push({ key, name, from, to: undefined });
    if (this.all.length > MAX_PERIODS) this.all.shift();
  }

  end(key: string, to: number): void {
    const open = this.all.findLast((period) => period.key === key);
    if (open && open.to === undefined) open.to = to;
  }
}
