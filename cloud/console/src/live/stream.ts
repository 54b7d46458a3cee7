import { signal } from "@preact/signals";
import { ask, Problem, signedIn } from "../cloud/request.ts";

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

/** What is listened to. */
export interface Channel<T> {
  /** The path, and a query that selects. */
  readonly address: string;
  /** The names under which the cloud sends. */
  readonly types: readonly string[];
  readonly deliver: (told: T[]) => void;
}

/** What the cloud tells, as it happens, in batches: one connection, taken up again where it broke off. */
export class EventStream<T> {
  private source: EventSource | undefined;
  private waiting: T[] = [];
  private delivered = 0;
  private scheduled = false;
  private last: string | undefined;
  private timer: ReturnType<typeof setTimeout> | undefined;
  private closed = false;

  /** Listens until it is closed. */
  constructor(private readonly channel: Channel<T>) {
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
    const source = new EventSource(`${this.channel.address}${since}`);
    this.source = source;
    source.onopen = () => this.heard();
    source.onerror = () => this.lost();
    for (const type of this.channel.types) source.addEventListener(type, (message) => this.take(message));
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
    this.waiting.push(JSON.parse(message.data) as T);
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
    const told = this.waiting;
    this.waiting = [];
    if (!this.closed && signedIn.peek()) this.channel.deliver(told);
  }
}
