/** Periods kept. */
const LIMIT = 200;

/** A time during which something was so; without an end it still is. */
export interface Period {
  readonly key: string;
  readonly what: string;
  readonly from: number;
  to: number | undefined;
}

/** Times during which something was so. */
export class Periods {
  readonly all: Period[] = [];

  begin(key: string, what: string, from: number): void {
    this.end(key, from);
    this.all.push({ key, what, from, to: undefined });
    if (this.all.length > LIMIT) this.all.shift();
  }

  end(key: string, to: number): void {
    const open = this.all.findLast((period) => period.key === key);
    if (open && open.to === undefined) open.to = to;
  }
}
