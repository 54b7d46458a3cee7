import { signal } from "@preact/signals";
import { nameOf } from "../cloud/faults.ts";
import type { Json } from "../json.ts";
import { cells } from "./cells.ts";
import { type CloudEvent, type CommandEvent, endedAt, type FaultEvent, madeAt, type ReportedEvent, type TelemetryEvent, time } from "./event.ts";
import { keep } from "./keep.ts";
import { Outages } from "./outage.ts";
import { OutboxLog } from "./outbox.ts";
import { Periods } from "./period.ts";
import { Series } from "./series.ts";
import { isRepeated, type Swap, swapIn } from "./swap.ts";
import { Targets } from "./target.ts";

/** Events kept as they came. */
const ROWS = 2000;
/** Commands, swaps and strokes kept. */
const FEW = 200;
/** The key of the time without a connection. */
const OFFLINE = "offline";

/** The last value of a capability. */
export interface Latest {
  readonly value: Json;
  readonly at: number;
}

/** Something that happened at one moment. */
export interface Stroke {
  readonly at: number;
  readonly what: string;
}

/** What one device has said and what has become of it, as far back as is kept. */
export class DeviceLog {
  /** Changes with each batch of events. */
  readonly changes = signal(0);
  /** Changes when the twin is another. */
  readonly twinChanges = signal(0);
  readonly series = new Map<string, Series>();
  readonly latest = new Map<string, Latest>();
  readonly targets = new Targets();
  /** Every name that was ever given a value. */
  readonly names = new Set<string>();
  /** The newest last. */
  readonly rows: CloudEvent[] = [];
  readonly commands: CommandEvent[] = [];
  readonly swaps: Swap[] = [];
  readonly strokes: Stroke[] = [];
  readonly faults = new Periods();
  readonly offline = new Periods();
  /** What faults and lost connections have cost. */
  readonly outages = new Outages();
  /** What its host says of what waits and of what is lost, if it runs beside the cloud. */
  readonly outbox = new OutboxLog();

  /** Takes in what has come, in order. */
  take(events: CloudEvent[]): void {
    let twin = false;
    for (const event of events) {
      keep(this.rows, event, ROWS);
      for (const name of cells(event).keys()) this.names.add(name);
      twin = this.note(event) || twin;
    }
    this.changes.value++;
    if (twin) this.twinChanges.value++;
  }

  /** Whether the twin is another because of it. */
  private note(event: CloudEvent): boolean {
    switch (event.type) {
      case "telemetry":
        this.measure(event);
        this.outages.take(event);
        return false;
      case "reported":
        this.report(event);
        return true;
      case "desired":
        this.targets.desire(event.desired, time(event));
        return true;
      case "command":
        keep(this.commands, event, FEW);
        return false;
      case "fault-began":
        this.faults.begin(keyOf(event), nameOf(event.fault), time(event));
        this.outages.begin(keyOf(event), nameOf(event.fault), time(event));
        return false;
      case "fault-ended":
        this.faults.end(keyOf(event), time(event));
        this.outages.endFault(keyOf(event), time(event));
        return false;
      case "fault-struck":
        keep(this.strokes, { at: time(event), what: nameOf(event.fault) }, FEW);
        return false;
      case "disconnected":
        this.offline.begin(OFFLINE, event.reason ?? "not connected", endedAt(event));
        this.outages.begin(OFFLINE, event.reason ?? "not connected", endedAt(event));
        return true;
      case "connected":
        this.offline.end(OFFLINE, time(event));
        this.outages.reconnect(OFFLINE, time(event));
        return true;
      default:
        return true;
    }
  }

  private measure(event: TelemetryEvent): void {
    const at = madeAt(event);
    for (const [path, value] of cells(event)) {
      const known = this.latest.get(path);
      if (!known || at >= known.at) this.latest.set(path, { value, at });
      if (typeof value === "number") this.seriesOf(path).add(at, value);
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

  private report(event: ReportedEvent): void {
    const at = time(event);
    const swap = swapIn(event.patch, at);
    if (swap && !isRepeated(swap, this.swaps.at(-1))) keep(this.swaps, swap, FEW);
    this.targets.report(event.patch, at);
  }
}

/** Each fault is on at most once for all devices and once for each; beginning it again changes its settings. */
function keyOf(event: FaultEvent): string {
  return `${nameOf(event.fault)} ${event.device ?? ""}`;
}
