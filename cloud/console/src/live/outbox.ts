import type { Outbox } from "../api/host.ts";

/** Maximum number of totals. */
const MAX_TOTALS = 1000;

/** Number of messages lost in a period: exact, or an upper limit. */
export interface LostMessages {
  readonly messages: number;
  readonly isExact: boolean;
}

/** Outbox of a device, as observed while the page is open. */
export class OutboxLog {
  /** Latest state; `undefined` while the host does not respond. */
  latest: Outbox | undefined;
  private observedSince = Infinity;
  /** Total of lost messages, at each change. */
  private readonly totals: { at: number; total: number }[] = [];

  /** Records the state of the outbox. */
  record(outbox: Outbox, at: number): void {
    this.latest = outbox;
    this.observedSince = Math.min(this.observedSince, at);
    const total = outbox.evicted + outbox.deadLettered;
    if (this.totals.at(-1)?.total !== total) this.totals.push({ at, total });
    if (this.totals.length > MAX_TOTALS) this.totals.shift();
  }

  /** Handles a host that does not respond; recorded totals are kept. */
  markUnavailable(): void {
    this.latest = undefined;
  }

  /**
   * Returns the messages lost between two times, or until now; `undefined` without a recorded
   * state.
   */
  lostBetween(from: number, to: number = Infinity): LostMessages | undefined {
    const [first, last] = [this.totals[0], this.totals.at(-1)];
    if (!first || !last) return undefined;
    const after = this.totals.findLast(({ at }) => at <= to) ?? first;
    const before =
      from < this.observedSince ? 0 : (this.totals.findLast(({ at }) => at <= from) ?? first).total;
    // A device without a state directory counts from zero after a restart.
    const messages = Math.max(0, after.total - before);
    return { messages, isExact: from >= this.observedSince || first.total === 0 || messages === 0 };
  }
}
