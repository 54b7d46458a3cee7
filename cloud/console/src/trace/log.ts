import { signal } from "@preact/signals";
import { asObject, type Json } from "../json.ts";
import type { PacketRecord, TraceRecord } from "./record.ts";

/** Records kept. */
const ROWS = 5000;

/** What a record answers, or is answered by. */
export interface RoundTrip {
  readonly other: number;
  /** Milliseconds from the question to the answer. */
  readonly took: number;
  /** Whether this record is the answer. */
  readonly isAnswer: boolean;
}

/** Packets that answer another of the same connection. */
const ANSWERS: Record<string, string> = { CONNACK: "CONNECT", SUBACK: "SUBSCRIBE", UNSUBACK: "UNSUBSCRIBE", PUBACK: "PUBLISH", PINGRESP: "PINGREQ" };
const QUESTIONS = new Set(["twin-get", "report", "register", "register-status", "call"]);
const REPLIES = new Set(["twin-answer", "register-answer", "call-answer"]);

/** What crossed the wire, with questions and answers matched. */
export class TraceLog {
  readonly changes = signal(0);
  /** The newest last. */
  readonly rows: TraceRecord[] = [];
  private readonly trips = new Map<number, RoundTrip>();
  private readonly open = new Map<string, PacketRecord>();

  take(records: TraceRecord[]): void {
    for (const record of records) {
      // Another run of the cloud counts from the beginning.
      if (record.sequence <= (this.rows.at(-1)?.sequence ?? 0)) this.begin();
      this.rows.push(record);
      if (record.kind === "packet") this.match(record);
    }
    if (this.rows.length > ROWS * 1.1) this.forget();
    this.changes.value++;
  }

  /** What a record answers, or is answered by, if that is known. */
  tripOf(record: TraceRecord): RoundTrip | undefined {
    return this.trips.get(record.sequence);
  }

  private match(record: PacketRecord): void {
    const question = answered(record).map((key) => this.open.get(key)).find((found) => found !== undefined);
    if (question) this.join(question, record);
    for (const key of asking(record)) this.open.set(key, record);
  }

  private join(question: PacketRecord, answer: PacketRecord): void {
    const took = milliseconds(answer.time) - milliseconds(question.time);
    for (const key of asking(question)) this.open.delete(key);
    this.trips.set(question.sequence, { other: answer.sequence, took, isAnswer: false });
    this.trips.set(answer.sequence, { other: question.sequence, took, isAnswer: true });
  }

  private begin(): void {
    this.rows.length = 0;
    this.trips.clear();
    this.open.clear();
  }

  private forget(): void {
    const gone = this.rows.splice(0, this.rows.length - ROWS);
    const sequences = new Set(gone.map((record) => record.sequence));
    for (const sequence of sequences) this.trips.delete(sequence);
    for (const [key, record] of this.open) if (sequences.has(record.sequence)) this.open.delete(key);
  }
}

/** A moment, to more than milliseconds if it is told so. */
function milliseconds(time: string): number {
  const beyond = /\.\d{3}(\d+)/.exec(time)?.[1] ?? "0";
  return Date.parse(time) + Number(`0.${beyond}`);
}

/** The keys under which an answer to this packet will come. */
function asking(record: PacketRecord): string[] {
  const { connection, packet, packetId, means = "", rid, version } = record;
  if (QUESTIONS.has(means) && rid !== undefined) return [`${connection} ${record.way} rid ${rid}`];
  if (means === "desired" && version !== undefined) return [`${connection} version ${version}`];
  if (Object.values(ANSWERS).includes(packet)) return [`${connection} ${record.way} ${packet} ${packetId ?? ""}`];
  return [];
}

/** The keys of what this packet answers, the likeliest first. */
function answered(record: PacketRecord): string[] {
  const { connection, packet, packetId, means = "", rid } = record;
  const back = record.way === "up" ? "down" : "up";
  if (REPLIES.has(means)) return [`${connection} ${back} rid ${rid}`];
  if (means === "report") return acknowledged(record.body).map((version) => `${connection} version ${version}`);
  const question = ANSWERS[packet];
  return question ? [`${connection} ${back} ${question} ${packetId ?? ""}`] : [];
}

/** The versions of desired properties that a report acknowledges, those of components included. */
function acknowledged(body: Json | undefined): number[] {
  return Object.values(asObject(body) ?? {}).flatMap((value) => {
    const object = asObject(value);
    if (object?.["__t"] === "c") return acknowledged(object);
    return typeof object?.["av"] === "number" ? [object["av"]] : [];
  });
}
