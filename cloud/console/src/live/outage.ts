import { createdAt, enqueuedAt, type TelemetryEvent } from "./event.ts";
import { RecentIds } from "./recentIds.ts";

/** Maximum number of outages. */
const MAX_OUTAGES = 200;
/** Maximum number of causes listed per outage. */
const MAX_CAUSES = 5;
/** Maximum milliseconds in transit; a message that took longer was queued. */
const MAX_TRANSIT = 100;

/** Period with active faults or without a connection, and its impact. */
export interface Outage {
  /** Start of the first cause. */
  readonly from: number;
  /** End of the last cause; `undefined` while one is active. */
  readonly to: number | undefined;
  /** Distinct causes. */
  readonly causes: readonly string[];
  /** End of the last fault; `undefined` if none has ended. */
  readonly faultEnded: number | undefined;
  /** First message or connection after the outage. */
  readonly recovered: number | undefined;
  /** Messages that were created before a cause ended and arrived afterwards. */
  readonly queued: number;
  /** Longest time such a message was queued, in milliseconds. */
  readonly longestWait: number;
  /** Messages that arrived more than once. */
  readonly duplicated: number;
}

/** Outage that is being computed. */
interface MutableOutage extends Outage {
  to: number | undefined;
  causes: string[];
  faultEnded: number | undefined;
  recovered: number | undefined;
  queued: number;
  longestWait: number;
  duplicated: number;
  /**
   * Creation time of the latest message before the outage: the cloud notices a lost connection
   * late.
   */
  readonly lastHeard: number;
  /** End of the last cause so far: messages created earlier that arrive from now on were queued. */
  released: number;
}

/**
 * Outages of a device, in order. Causes that overlap, or that start before the device has
 * recovered, belong to one outage.
 */
export class Outages {
  readonly all: MutableOutage[] = [];
  /**
   * True if messages have ids; `undefined` before the first message. Duplicates are unknown
   * without them.
   */
  hasMessageIds: boolean | undefined;
  /**
   * True if messages have creation times; `undefined` before the first message. Queueing is
   * unknown without them.
   */
  hasCreationTimes: boolean | undefined;
  private readonly activeCauses = new Set<string>();
  private readonly seenIds = new RecentIds();
  private newestCreated = -Infinity;
  /** Shortest delay of a message: transit plus the lag of the device clock. */
  private minDelay = Infinity;

  /**
   * Handles the start of a fault or the end of a connection. `cause` is its key, `name` its label.
   */
  start(cause: string, name: string, at: number): void {
    this.activeCauses.add(cause);
    const outage = this.unrecovered() ?? this.open(at);
    outage.to = undefined;
    if (!outage.causes.includes(name) && outage.causes.length < MAX_CAUSES)
      outage.causes.push(name);
  }

  /** Handles the end of a fault. */
  endFault(cause: string, at: number): void {
    if (!this.activeCauses.delete(cause)) return;
    const outage = this.release(at);
    if (outage) outage.faultEnded = at;
  }

  /** Handles the start of a connection. */
  reconnect(cause: string, at: number): void {
    if (!this.activeCauses.delete(cause)) return;
    this.release(at);
    this.markRecovered(at);
  }

  /** Handles a message. */
  append(message: TelemetryEvent): void {
    const arrived = enqueuedAt(message);
    this.hasMessageIds ||= message.messageId !== undefined;
    this.hasCreationTimes ||= message.creationTime !== undefined;
    this.markRecovered(arrived);
    const delay = arrived - createdAt(message);
    this.minDelay = Math.min(this.minDelay, delay);
    if (this.isDuplicate(message.messageId, arrived)) return;
    this.countQueued(arrived, delay - this.minDelay);
  }

  private open(at: number): MutableOutage {
    const outage: MutableOutage = {
      from: at,
      to: undefined,
      causes: [],
      faultEnded: undefined,
      recovered: undefined,
      queued: 0,
      longestWait: 0,
      duplicated: 0,
      lastHeard: this.newestCreated,
      released: -Infinity,
    };
    this.all.push(outage);
    if (this.all.length > MAX_OUTAGES) this.all.shift();
    return outage;
  }

  private unrecovered(): MutableOutage | undefined {
    const last = this.all.at(-1);
    return last?.recovered === undefined ? last : undefined;
  }

  private release(at: number): MutableOutage | undefined {
    const outage = this.unrecovered();
    if (!outage) return undefined;
    outage.released = at;
    if (this.activeCauses.size === 0) outage.to = at;
    return outage;
  }

  private markRecovered(at: number): void {
    const outage = this.unrecovered();
    if (outage?.to !== undefined) outage.recovered = at;
  }

  /**
   * Attributes a duplicate to the first outage that had not ended when the message first arrived.
   */
  private isDuplicate(id: string | undefined, arrived: number): boolean {
    const first = this.seenIds.record(id, arrived);
    if (first === undefined) return false;
    const outage = this.all.find((outage) => first <= (outage.to ?? arrived));
    if (outage) outage.duplicated++;
    return true;
  }

  private countQueued(arrived: number, wait: number): void {
    const created = arrived - wait;
    if (wait > MAX_TRANSIT) {
      const outage = this.all.find(
        (outage) => created > outage.lastHeard && created < outage.released,
      );
      if (outage) {
        outage.queued++;
        outage.longestWait = Math.max(outage.longestWait, wait);
      }
    }
    this.newestCreated = Math.max(this.newestCreated, created);
  }
}
