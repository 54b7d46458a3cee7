import { signal } from "@preact/signals";
import { ask, Problem, signedIn } from "../cloud/request.ts";
import { type CloudEvent, TYPES } from "./event.ts";

/** Milliseconds between two deliveries, so that a thousand messages a second are drawn a few times only. */
const PACE = 80;
/** The same while nobody looks, when the browser draws nothing. */
const HIDDEN_PACE = 1000;
/** Milliseconds between two attempts to reach a cloud that is gone. */
const PATIENCE = 1000;

/** Whether the cloud can be heard. */
export const hearing = signal<"connecting" | "live" | "lost">("connecting");

/** Counts how often the cloud came back: what was asked for before is to be asked for again. */
export const returns = signal(0);

/** What the cloud tells, as it happens, in batches: one connection, taken up again where it broke off. */
export class EventStream {
  private source: EventSource | undefined;
  private waiting: CloudEvent[] = [];
  private delivered = 0;
  private scheduled = false;
  private last: string | undefined;
  private timer: ReturnType<typeof setTimeout> | undefined;
  private closed = false;

  /** Listens until it is closed. `query` selects, as `/api/events` has it. */
  constructor(private readonly query: string, private readonly deliver: (events: CloudEvent[]) => void) {
    hearing.value = "connecting";
    this.open();
  }

  close(): void {
    this.closed = true;
    clearTimeout(this.timer);
    this.source?.close();
  }

  private open(): void {
    const since = this.last === undefined ? "" : `&since=${this.last}`;
    const source = new EventSource(`/api/events?${this.query}${since}`);
    this.source = source;
    source.onopen = () => this.heard();
    source.onerror = () => this.lost();
    for (const type of TYPES) source.addEventListener(type, (message) => this.take(message));
  }

  private heard(): void {
    if (hearing.value === "lost") returns.value++;
    hearing.value = "live";
  }

  /** The browser would try again by itself, but neither with our pace nor after a refusal. */
  private lost(): void {
    this.source?.close();
    if (this.closed) return;
    hearing.value = "lost";
    this.timer = setTimeout(() => void this.again(), PATIENCE);
  }

  private async again(): Promise<void> {
    try {
      await ask("/api/faults");
      if (!this.closed) this.open();
    } catch (problem) {
      const isRefused = problem instanceof Problem && problem.status === 401;
      if (!isRefused && !this.closed) this.lost();
    }
  }

  private take(message: MessageEvent<string>): void {
    this.last = message.lastEventId;
    this.waiting.push(JSON.parse(message.data) as CloudEvent);
    if (this.scheduled) return;
    this.scheduled = true;
    if (document.hidden) setTimeout(() => this.flush(), HIDDEN_PACE);
    else requestAnimationFrame(() => this.draw());
  }

  private draw(): void {
    const rest = PACE - (performance.now() - this.delivered);
    if (rest <= 0) this.flush();
    else setTimeout(() => this.flush(), rest);
  }

  private flush(): void {
    this.scheduled = false;
    this.delivered = performance.now();
    const events = this.waiting;
    this.waiting = [];
    if (!this.closed && signedIn.peek()) this.deliver(events);
  }
}
