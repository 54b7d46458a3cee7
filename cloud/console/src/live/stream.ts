import { signal } from "@preact/signals";
import { ApiError, streamLines } from "../api/request.ts";
import { signedIn } from "../api/session.ts";
import { asObject, type Json } from "../json.ts";

/** Minimum milliseconds between two deliveries, to limit redraws at high message rates. */
const DELIVERY_INTERVAL = 80;
/** Same as `DELIVERY_INTERVAL` while the page is hidden and not rendered. */
const HIDDEN_INTERVAL = 1000;
/** Milliseconds between two connection attempts. */
const RETRY_DELAY = 1000;

/** Connection state of the stream. */
export const streamState = signal<"connecting" | "live" | "lost">("connecting");

/** Counts reconnections; loaded data is stale after each. */
export const reconnects = signal(0);

/** Path and query of a stream, and the handler of its items. */
export interface StreamOptions<T> {
  readonly path: string;
  readonly onItems: (items: T[]) => void;
}

/**
 * Stream of items from the cloud, delivered in batches. Reconnects and resumes after the last
 * sequence number. Uses JSON lines instead of server-sent events, which browsers dispatch one by
 * one: 100,000 of them take seconds.
 */
export class EventStream<T extends { readonly sequence: number }> {
  private readonly controller = new AbortController();
  private pending: T[] = [];
  private lastDelivery = 0;
  private scheduled = false;
  private lastSequence: number | undefined;

  /** Opens the stream; it stays open until `close`. */
  constructor(private readonly options: StreamOptions<T>) {
    streamState.value = "connecting";
    void this.run();
  }

  close(): void {
    this.controller.abort();
  }

  private get isClosed(): boolean {
    return this.controller.signal.aborted;
  }

  /** Reconnects until closed or signed out; the page opens a new stream after signing in. */
  private async run(): Promise<void> {
    while (!this.isClosed && signedIn.peek()) {
      await this.receive().catch((error: unknown) => {
        if (!(error instanceof ApiError)) throw error;
      });
      if (this.isClosed || !signedIn.peek()) return;
      streamState.value = "lost";
      await new Promise((resolve) => setTimeout(resolve, RETRY_DELAY));
    }
  }

  private async receive(): Promise<void> {
    const since = this.lastSequence === undefined ? "" : `&since=${this.lastSequence}`;
    for await (const items of streamLines(
      `${this.options.path}&format=ndjson${since}`,
      this.controller.signal,
    )) {
      if (streamState.value === "lost") reconnects.value++;
      streamState.value = "live";
      this.enqueue(items.filter(hasSequence) as T[]);
    }
  }

  private enqueue(items: T[]): void {
    this.lastSequence = items.at(-1)?.sequence ?? this.lastSequence;
    for (const one of items) this.pending.push(one);
    if (this.scheduled || items.length === 0) return;
    this.scheduled = true;
    if (document.hidden) setTimeout(() => this.flush(), HIDDEN_INTERVAL);
    else requestAnimationFrame(() => this.flushWhenDue());
  }

  private flushWhenDue(): void {
    const delay = DELIVERY_INTERVAL - (performance.now() - this.lastDelivery);
    if (delay <= 0) this.flush();
    else setTimeout(() => this.flush(), delay);
  }

  private flush(): void {
    this.scheduled = false;
    this.lastDelivery = performance.now();
    const items = this.pending;
    this.pending = [];
    if (!this.isClosed && signedIn.peek()) this.options.onItems(items);
  }
}

/** Filters out gap markers, which have no sequence number. */
function hasSequence(items: Json): boolean {
  return typeof asObject(items)?.sequence === "number";
}
