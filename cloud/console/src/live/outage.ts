import { madeAt, type TelemetryEvent, time } from "./event.ts";
import { RecentIds } from "./recent.ts";

/** Outages kept. */
const LIMIT = 200;
/** Causes of one outage that are named. */
const CAUSES = 5;
/** A message that took no longer than so many milliseconds did not wait: it was on its way. */
const ON_THE_WAY = 100;

/** A time during which faults were on or the device was not connected, and what it cost. */
export interface Outage {
  /** When the first cause began. */
  readonly from: number;
  /** When the last cause ended; nothing while one is on. */
  readonly to: number | undefined;
  /** What was wrong, each thing once. */
  readonly causes: readonly string[];
  /** When the last of its faults ended; nothing if none has. */
  readonly faultEnded: number | undefined;
  /** When the device was heard again, by a message or a connection. */
  readonly recovered: number | undefined;
  /** Messages that were made before a cause ended and came after. */
  readonly queued: number;
  /** Milliseconds the one among them waited that waited longest. */
  readonly longestWait: number;
  /** Messages that came although they had come before. */
  readonly duplicated: number;
}

/** An outage while it is reckoned. */
interface Reckoned extends Outage {
  to: number | undefined;
  causes: string[];
  faultEnded: number | undefined;
  recovered: number | undefined;
  queued: number;
  longestWait: number;
  duplicated: number;
  /** When the last message was made that had come before: the cloud learns of a lost connection late. */
  readonly heard: number;
  /** When the last cause so far has ended: what was made before and comes now has waited. */
  released: number;
}

/**
 * The outages of a device, in order. Causes that overlap, and those that begin before the device was heard again, are one
 * outage.
 */
export class Outages {
  readonly all: Reckoned[] = [];
  /** Whether messages say what they are called; nothing before the first. Without it none is known to be a duplicate. */
  named: boolean | undefined;
  /** Whether messages say when they were made; nothing before the first. Without it none is known to have waited. */
  dated: boolean | undefined;
  private readonly on = new Set<string>();
  private readonly came = new RecentIds();
  private newest = -Infinity;
  /** The least time a message took: the way itself, and by how much the device's clock is behind. */
  private quickest = Infinity;

  /** A fault began, or a connection ended. `cause` tells it from others, `what` names it. */
  begin(cause: string, what: string, at: number): void {
    this.on.add(cause);
    const outage = this.unrecovered() ?? this.open(at);
    outage.to = undefined;
    if (!outage.causes.includes(what) && outage.causes.length < CAUSES) outage.causes.push(what);
  }

  /** A fault ended. */
  endFault(cause: string, at: number): void {
    if (!this.on.delete(cause)) return;
    const outage = this.release(at);
    if (outage) outage.faultEnded = at;
  }

  /** A connection began. */
  reconnect(cause: string, at: number): void {
    if (!this.on.delete(cause)) return;
    this.release(at);
    this.hear(at);
  }

  /** A message came. */
  take(message: TelemetryEvent): void {
    const came = time(message);
    this.named ||= message.messageId !== undefined;
    this.dated ||= message.creationTime !== undefined;
    this.hear(came);
    const waited = came - madeAt(message);
    this.quickest = Math.min(this.quickest, waited);
    if (this.isRepeated(message.messageId, came)) return;
    this.reckon(came, waited - this.quickest);
  }

  private open(at: number): Reckoned {
    const outage: Reckoned = {
      from: at, to: undefined, causes: [], faultEnded: undefined, recovered: undefined,
      queued: 0, longestWait: 0, duplicated: 0, heard: this.newest, released: -Infinity,
    };
    this.all.push(outage);
    if (this.all.length > LIMIT) this.all.shift();
    return outage;
  }

  private unrecovered(): Reckoned | undefined {
    const last = this.all.at(-1);
    return last?.recovered === undefined ? last : undefined;
  }

  private release(at: number): Reckoned | undefined {
    const outage = this.unrecovered();
    if (!outage) return undefined;
    outage.released = at;
    if (this.on.size === 0) outage.to = at;
    return outage;
  }

  private hear(at: number): void {
    const outage = this.unrecovered();
    if (outage?.to !== undefined) outage.recovered = at;
  }

  /** A message comes again because of the first outage that was not over when it came, however late. */
  private isRepeated(id: string | undefined, came: number): boolean {
    const first = this.came.note(id, came);
    if (first === undefined) return false;
    const outage = this.all.find((outage) => first <= (outage.to ?? came));
    if (outage) outage.duplicated++;
    return true;
  }

  private reckon(came: number, waited: number): void {
    const made = came - waited;
    if (waited > ON_THE_WAY) {
      const outage = this.all.find((outage) => made > outage.heard && made < outage.released);
      if (outage) {
        outage.queued++;
        outage.longestWait = Math.max(outage.longestWait, waited);
      }
    }
    this.newest = Math.max(this.newest, made);
  }
}
