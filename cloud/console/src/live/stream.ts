import { signal } from "@preact/signals";
import { listen, Problem, signedIn } from "../cloud/request.ts";
import { asObject, type Json } from "../json.ts";

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

/** What is listened to: a path with a query that selects, and who is told. */
export interface Channel<T> {
  readonly address: string;
  readonly deliver: (told: T[]) => void;
}

/**
 * What the cloud tells, as it happens, in batches: one connection, taken up again where it broke off. It carries lines of JSON and
 * not server-sent events, which a browser hands over one by one: of a hundred thousand it makes seconds.
 */
export class EventStream<T extends { readonly sequence: number }> {
  private readonly ending = new AbortController();
  private waiting: T[] = [];
  private delivered = 0;
  private scheduled = false;
  private last: number | undefined;

  /** Listens until it is closed. */
  constructor(private readonly channel: Channel<T>) {
    hearing.value = "connecting";
    void this.run();
  }

  close(): void {
    this.ending.abort();
  }

  private get isClosed(): boolean {
    return this.ending.signal.aborted;
  }

  /** Who has to sign in first is asked to by the page, which then listens anew. */
  private async run(): Promise<void> {
    while (!this.isClosed && signedIn.peek()) {
      await this.listen().catch((problem: unknown) => {
        if (!(problem instanceof Problem)) throw problem;
      });
      if (this.isClosed || !signedIn.peek()) return;
      hearing.value = "lost";
      await new Promise((resolve) => setTimeout(resolve, PATIENCE));
    }
  }

  private async listen(): Promise<void> {
    const since = this.last === undefined ? "" : `&since=${this.last}`;
    for await (const told of listen(`${this.channel.address}&format=ndjson${since}`, this.ending.signal)) {
      if (hearing.value === "lost") returns.value++;
      hearing.value = "live";
      this.take(told.filter(isNumbered) as T[]);
    }
  }

  private take(told: T[]): void {
    this.last = told.at(-1)?.sequence ?? this.last;
    for (const one of told) this.waiting.push(one);
    if (this.scheduled || told.length === 0) return;
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
    if (!this.isClosed && signedIn.peek()) this.channel.deliver(told);
  }
}

/** Gaps, of what is kept no more, have no number; nothing here waits for what they stand for. */
function isNumbered(told: Json): boolean {
  return typeof asObject(told)?.["sequence"] === "number";
}
