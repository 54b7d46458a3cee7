import { type Signal, signal } from "@preact/signals";
import { asObject, type Json } from "../json.ts";
import { type CloudEvent, createdAt } from "./event.ts";

/** Latest data of a device. */
export interface LastData {
  readonly at: number;
  readonly name: string | undefined;
  readonly value: Json | undefined;
}

/** Event types that change the device list. */
const LIST_CHANGES: readonly string[] = [
  "connected",
  "disconnected",
  "created",
  "updated",
  "deleted",
] satisfies CloudEvent["type"][];

/** Query of the events that a fleet consumes. */
export const FLEET_QUERY = ["telemetry", ...LIST_CHANGES].map((kind) => `kind=${kind}`).join("&");

/** Latest data of every device since the page was opened. */
export class Fleet {
  /** Counts changes of the device list. */
  readonly changes = signal(0);
  private readonly data = new Map<string, Signal<LastData | undefined>>();

  /** Returns the latest data of a device as a signal, so that only its row is rendered again. */
  lastOf(device: string): Signal<LastData | undefined> {
    let data = this.data.get(device);
    if (!data) {
      data = signal(undefined);
      this.data.set(device, data);
    }
    return data;
  }

  append(events: CloudEvent[]): void {
    let changed = false;
    const latest = new Map<string, LastData>();
    for (const event of events) {
      if (event.type === "deleted") this.data.delete(event.device ?? "");
      if (event.type !== "telemetry") changed ||= LIST_CHANGES.includes(event.type);
      else if (event.device) {
        const entries = Object.entries(asObject(event.body) ?? {});
        // Prefers a number over other values.
        const [name, value] =
          entries.find(([, value]) => typeof value === "number") ?? entries[0] ?? [];
        latest.set(event.device, { at: createdAt(event), name, value });
      }
    }
    for (const [device, data] of latest) this.lastOf(device).value = data;
    if (changed) this.changes.value++;
  }
}
