/** Changes kept of how much was given up. */
const LIMIT = 1000;

/** What a host says of its outbox, as it is shown. */
export interface Outbox {
  /** Messages that wait. */
  readonly messages: number;
  /** Seconds the oldest of them has waited. */
  readonly oldest: number | null;
  /** Messages that gave way since the device first ran. */
  readonly evicted: number;
  /** What could not be delivered and was set aside since the device first ran. */
  readonly setAside: number;
}

/** How many messages a device has given up in some time: so many, or no more than so many. */
export interface GivenUp {
  readonly messages: number;
  readonly isExact: boolean;
}

/** What the host of a device has said of its outbox while somebody looked. */
export class OutboxLog {
  /** How it is now; nothing while the host does not answer. */
  latest: Outbox | undefined;
  private begun = Infinity;
  /** From when on so many had been given up. */
  private readonly totals: { at: number; total: number }[] = [];

  /** Takes in what was said at a moment. */
  take(outbox: Outbox, at: number): void {
    this.latest = outbox;
    this.begun = Math.min(this.begun, at);
    const total = outbox.evicted + outbox.setAside;
    if (this.totals.at(-1)?.total !== total) this.totals.push({ at, total });
    if (this.totals.length > LIMIT) this.totals.shift();
  }

  /** The host does not answer any more. What it has said of what was given up stays. */
  fallSilent(): void {
    this.latest = undefined;
  }

  /** What was given up from one moment to another, or until now; nothing if the host has said nothing. */
  between(from: number, to: number = Infinity): GivenUp | undefined {
    const [first, last] = [this.totals[0], this.totals.at(-1)];
    if (!first || !last) return undefined;
    const after = this.totals.findLast(({ at }) => at <= to) ?? first;
    const before = from < this.begun ? 0 : (this.totals.findLast(({ at }) => at <= from) ?? first).total;
    // A device that runs without a directory for its state counts from the beginning when it starts again.
    const messages = Math.max(0, after.total - before);
    return { messages, isExact: from >= this.begun || first.total === 0 || messages === 0 };
  }
}
