import { signal } from "@preact/signals";
import { asObject, type Json } from "../json.ts";

/** The version of Azure's REST that is spoken. */
const API_VERSION = "2021-04-12";

/** Whether the cloud knows this browser. */
export const signedIn = signal(true);

/** What the cloud refused, or could not do, in words for the person who asked. */
export class Problem extends Error {
  constructor(
    /** The HTTP status; 0 if there was no answer at all. */
    readonly status: number,
    message: string,
  ) {
    super(message);
  }
}

/** An answer with what its headers say. */
export interface Answer {
  readonly body: Json;
  readonly continuation: string | null;
}

/** What is sent beside the address. */
interface Order {
  method?: "GET" | "PUT" | "PATCH" | "POST" | "DELETE";
  body?: Json;
  /** A file of JSON in the place of a body, as it is. */
  file?: Blob;
  headers?: Record<string, string>;
}

/**
 * Asks the cloud.
 *
 * @throws {Problem} If it refuses, or does not answer.
 */
export async function ask(path: string, order: Order = {}): Promise<Answer> {
  const headers: Record<string, string> = { accept: "application/json", ...order.headers };
  const body = order.body === undefined ? (order.file ?? null) : JSON.stringify(order.body);
  if (body !== null) headers["content-type"] = "application/json";
  const response = await reach(versioned(path), { method: order.method ?? "GET", headers, body });
  return { body: parsed(await response.text()), continuation: response.headers.get("x-ms-continuation") };
}

/**
 * Sends a file, or nothing, and gives the lines of the answer as they come.
 *
 * @throws {Problem} If the cloud refuses, or does not answer.
 */
export async function* lines(path: string, file: Blob | null): AsyncGenerator<Json> {
  const response = await reach(versioned(path), { method: "POST", body: file });
  for await (const told of batches(response)) yield* told;
}

/**
 * What the cloud tells, line by line, in batches as they come, until it ends or `signal` aborts it. The first batch is empty: the
 * cloud has answered.
 *
 * @throws {Problem} If the cloud refuses, or does not answer.
 */
export async function* listen(path: string, signal: AbortSignal): AsyncGenerator<Json[]> {
  const response = await reach(versioned(path), { signal });
  yield [];
  yield* batches(response);
}

/** The lines of an answer, all those that have come each time. */
async function* batches(response: Response): AsyncGenerator<Json[]> {
  if (!response.body) return;
  let rest = "";
  for await (const text of texts(response.body)) {
    const whole = (rest + text).split("\n");
    rest = whole.pop() ?? "";
    if (whole.length > 0) yield whole.filter((line) => line !== "").map(parsed);
  }
}

async function* texts(body: ReadableStream<Uint8Array>): AsyncGenerator<string> {
  const [reader, decoder] = [body.getReader(), new TextDecoder()];
  const next = () => reader.read().catch(() => {
    throw new Problem(0, "The cloud does not answer any more.");
  });
  for (let part = await next(); !part.done; part = await next()) {
    yield decoder.decode(part.value, { stream: true });
  }
}

/** A name as a part of a path. */
export function part(name: string): string {
  return encodeURIComponent(name);
}

async function reach(path: string, request: RequestInit): Promise<Response> {
  const response = await fetch(path, request).catch(() => {
    throw new Problem(0, "The cloud does not answer.");
  });
  if (response.ok) return response;
  if (response.status === 401) signedIn.value = false;
  throw new Problem(response.status, reason(parsed(await response.text())) ?? `The cloud answered ${response.status}.`);
}

/** Azure's own endpoints want to be told the version. */
function versioned(path: string): string {
  if (path.startsWith("/api/")) return path;
  return `${path}${path.includes("?") ? "&" : "?"}api-version=${API_VERSION}`;
}

function parsed(text: string): Json {
  try {
    return JSON.parse(text) as Json;
  } catch {
    return null;
  }
}

/** The words in one of Azure's error bodies; those of methods hold another one as text. */
function reason(body: Json): string | undefined {
  const object = asObject(body);
  const message = object?.["message"] ?? object?.["Message"];
  if (typeof message !== "string") return undefined;
  const inner = message.startsWith("{") ? reason(parsed(message)) : undefined;
  return inner ?? message.replace(/^ErrorCode:\w+;/, "");
}
