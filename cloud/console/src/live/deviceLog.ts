import { signal } from "@preact/signals";
import { faultName } from "../api/faults.ts";
import type { Json } from "../json.ts";
import { pushBounded } from "./boundedList.ts";
import {
  type CloudEvent,
  type CommandEvent,
  createdAt,
  disconnectedAt,
  enqueuedAt,
  type FaultEvent,
  type ReportedEvent,
  type TelemetryEvent,
} from "./event.ts";
import { eventValues } from "./eventValues.ts";
import { Outages } from "./outage.ts";
import { OutboxLog } from "./outbox.ts";
import { Periods } from "./period.ts";
import { Series } from "./series.ts";
import { isRepeated, parseSwap, type Swap } from "./swap.ts";
import { Targets } from "./target.ts";

/** Maximum number of raw events. */
const MAX_EVENTS = 2000;
/** Maximum number of commands, swaps and one-shot faults. */
const MAX_ENTRIES = 200;
/** Key of the period without a connection. */
const OFFLINE = "offline";

/** Latest value of a capability. */
export interface LatestValue {
  readonly value: Json;
  readonly at: number;
}

/** One-shot fault at a point in time. */
export interface OneShotMark {
  readonly at: number;
  readonly name: string;
}

/** Event log of a device, with everything derived from it. */
export class DeviceLog {
  /** Counts batches of events. */
  readonly changes = signal(0);
  /** Counts changes of the twin. */
  readonly twinChanges = signal(0);
  readonly series = new Map<string, Series>();
  readonly latest = new Map<string, LatestValue>();
  readonly targets = new Targets();
  /** Paths of all capabilities that have had a value. */
  readonly capabilities = new Set<string>();
  /** Raw events, newest last. */
  readonly events: CloudEvent[] = [];
  readonly commands: CommandEvent[] = [];
  readonly swaps: Swap[] = [];
  readonly oneShotFaults: OneShotMark[] = [];
  readonly faults = new Periods();
  readonly offline = new Periods();
  /** Outages caused by faults and disconnections. */
  readonly outages = new Outages();
  /** Outbox of the host, if the cloud can control it. */
  readonly outbox = new OutboxLog();

  /** Appends events, in order. */
  append(events: CloudEvent[]): void {
    let twinChanged = false;
    for (const event of events) {
      pushBounded(this.events, event, MAX_EVENTS);
      for (const name of eventValues(event).keys()) this.capabilities.add(name);
      twinChanged = this.apply(event) || twinChanged;
    }
    this.changes.value++;
    if (twinChanged) this.twinChanges.value++;
  }

  /** Applies an event. Returns true if the twin has changed. */
  private apply(event: CloudEvent): boolean {
    switch (event.type) {
      case "telemetry":
        this.recordTelemetry(event);
        this.outages.append(event);
        return false;
      case "reported":
        this.recordReported(event);
        return true;
      case "desired":
        this.targets.applyDesired(event.desired, enqueuedAt(event));
        return true;
      case "command":
        pushBounded(this.commands, event, MAX_ENTRIES);
        return false;
      case "fault-started":
        this.faults.start(faultKey(event), faultName(event.fault), enqueuedAt(event));
        this.outages.start(faultKey(event), faultName(event.fault), enqueuedAt(event));
        return false;
      case "fault-ended":
        this.faults.end(faultKey(event), enqueuedAt(event));
        this.outages.endFault(faultKey(event), enqueuedAt(event));
        return false;
      case "fault-triggered":
        pushBounded(
          this.oneShotFaults,
          { at: enqueuedAt(event), name: faultName(event.fault) },
          MAX_ENTRIES,
        );
        return false;
      case "disconnected":
        this.offline.start(OFFLINE, event.reason ?? "disconnected", disconnectedAt(event));
        this.outages.start(OFFLINE, event.reason ?? "disconnected", disconnectedAt(event));
        return true;
      case "connected":
        this.offline.end(OFFLINE, enqueuedAt(event));
        this.outages.reconnect(OFFLINE, enqueuedAt(event));
        return true;
      default:
        return true;
    }
  }

  private recordTelemetry(event: TelemetryEvent): void {
    const time = createdAt(event);
    for (const [path, value] of eventValues(event)) {
      const previous = this.latest.get(path);
      if (!previous || time >= previous.at) this.latest.set(path, { value, at: time });
      if (typeof value === "number") this.seriesOf(path).add(time, value);
    }
  }

  private seriesOf(path: string): Series {
    let series = this.series.get(path);
    if (!series) {
      series = new Series();
      this.series.set(path, series);
    }
    return series;
  }

  private recordReported(event: ReportedEvent): void {
    const at = enqueuedAt(event);
    const swap = parseSwap(event.patch, at);
    if (swap && !isRepeated(swap, this.swaps.at(-1))) pushBounded(this.swaps, swap, MAX_ENTRIES);
    this.targets.applyReported(event.patch, at);
  }
}

/**
 * Returns the key of a fault: it is active at most once for all devices and once per device;
 * starting it again changes its settings.
 */
function faultKey(event: FaultEvent): string {
  return `${faultName(event.fault)} ${event.device ?? ""}`;
}
