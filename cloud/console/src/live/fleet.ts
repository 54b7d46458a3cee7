import { type Signal, signal } from "@preact/signals";
import { asObject, type Json } from "../json.ts";
import { type CloudEvent, madeAt } from "./event.ts";

/** The last thing a device has sent. */
export interface LastData {
  readonly at: number;
  readonly name: string | undefined;
  readonly value: Json | undefined;
}

/** Kinds of events after which the list of devices is another. */
const CHANGES: readonly string[] = ["connected", "disconnected", "created", "updated", "deleted"] satisfies CloudEvent["type"][];

/** Selects the events a fleet takes in. */
export const WANTED = ["telemetry", ...CHANGES].map((kind) => `kind=${kind}`).join("&");

/** What has come from each device since the page was opened. */
export class Fleet {
  /** Counts changes after which the list of devices is another. */
  readonly changes = signal(0);
  private readonly data = new Map<string, Signal<LastData | undefined>>();

  /** The last data of a device: a signal of its own, so that one row is drawn again and not all. */
  lastOf(device: string): Signal<LastData | undefined> {
    let data = this.data.get(device);
    if (!data) {
      data = signal(undefined);
      this.data.set(device, data);
    }
    return data;
  }

  take(events: CloudEvent[]): void {
    let changed = false;
    const newest = new Map<string, LastData>();
    for (const event of events) {
      if (event.type === "deleted") this.data.delete(event.device ?? "");
      if (event.type !== "telemetry") changed ||= CHANGES.includes(event.type);
      else if (event.device) {
        const said = Object.entries(asObject(event.body) ?? {});
        // A measurement before what stands beside it.
        const [name, value] = said.find(([, value]) => typeof value === "number") ?? said[0] ?? [];
        newest.set(event.device, { at: madeAt(event), name, value });
      }
    }
    for (const [device, data] of newest) this.lastOf(device).value = data;
    if (changed) this.changes.value++;
  }
}
