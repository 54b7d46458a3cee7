import { asObject, type Json } from "../json.ts";
import { sessionHeaders, signedIn } from "./session.ts";

/** Version of the Azure IoT Hub REST API. */
const API_VERSION = "2021-04-12";

/** Failed request, with a message for the operator. */
export class ApiError extends Error {
  constructor(
    /** HTTP status; 0 without a response. */
    readonly status: number,
    message: string,
  ) {
    super(message);
  }
}

/** Response body and continuation token. */
export interface ApiResponse {
  readonly body: Json;
  readonly continuation: string | null;
}

/** Method, body and headers of a request. */
interface RequestOptions {
  method?: "GET" | "PUT" | "PATCH" | "POST" | "DELETE";
  body?: Json;
  /** JSON file to send as it is, instead of `body`. */
  file?: Blob;
  headers?: Record<string, string>;
}

/**
 * Sends a request to the cloud.
 *
 * @throws {ApiError} If the request is rejected or the cloud does not respond.
 */
export async function callApi(path: string, options: RequestOptions = {}): Promise<ApiResponse> {
  const headers: Record<string, string> = { accept: "application/json", ...options.headers };
  const body = options.body === undefined ? (options.file ?? null) : JSON.stringify(options.body);
  if (body !== null) headers["content-type"] = "application/json";
  const response = await send(withApiVersion(path), {
    method: options.method ?? "GET",
    headers,
    body,
  });
  return {
    body: parseJson(await response.text().catch(connectionLost)),
    continuation: response.headers.get("x-ms-continuation"),
  };
}

/**
 * Posts a file or an empty body, and yields the lines of the response as they arrive.
 *
 * @throws {ApiError} If the request is rejected or the cloud does not respond.
 */
export async function* postForLines(path: string, file: Blob | null): AsyncGenerator<Json> {
  const response = await send(withApiVersion(path), { method: "POST", body: file });
  for await (const batch of readBatches(response)) yield* batch;
}

/**
 * Yields the lines of a response in batches, until it ends or `signal` aborts it. The first batch
 * is empty: the cloud has responded.
 *
 * @throws {ApiError} If the request is rejected or the cloud does not respond.
 */
export async function* streamLines(path: string, signal: AbortSignal): AsyncGenerator<Json[]> {
  const response = await send(withApiVersion(path), { signal });
  yield [];
  yield* readBatches(response);
}

/** Splits a response into lines; each batch holds the lines that have arrived. */
async function* readBatches(response: Response): AsyncGenerator<Json[]> {
  if (!response.body) return;
  let rest = "";
  for await (const chunk of decodeChunks(response.body)) {
    const lines = (rest + chunk).split("\n");
    rest = lines.pop() ?? "";
    if (lines.length > 0) yield lines.filter((line) => line !== "").map(parseJson);
  }
}

async function* decodeChunks(body: ReadableStream<Uint8Array>): AsyncGenerator<string> {
  const [reader, decoder] = [body.getReader(), new TextDecoder()];
  const next = () => reader.read().catch(connectionLost);
  for (let chunk = await next(); !chunk.done; chunk = await next()) {
    yield decoder.decode(chunk.value, { stream: true });
  }
}

/**
 * Fetches a file.
 *
 * @throws {ApiError} If the request is rejected or the cloud does not respond.
 */
export async function fetchFile(path: string): Promise<Blob> {
  const response = await send(withApiVersion(path), {});
  return response.blob().catch(connectionLost);
}

/** Encodes a name as a path segment. */
export function pathSegment(name: string): string {
  return encodeURIComponent(name);
}

async function send(
  path: string,
  init: RequestInit & { headers?: Record<string, string> },
): Promise<Response> {
  const headers = { ...init.headers, ...sessionHeaders() };
  const response = await fetch(path, { ...init, headers }).catch(() => {
    throw new ApiError(0, "The cloud does not respond.");
  });
  if (response.ok) return response;
  if (response.status === 401) signedIn.value = false;
  throw new ApiError(
    response.status,
    errorText(parseJson(await response.text().catch(connectionLost))) ??
      `The cloud responded with status ${response.status}.`,
  );
}

function connectionLost(): never {
  throw new ApiError(0, "The connection to the cloud was lost.");
}

/** Adds the API version that Azure endpoints require. */
function withApiVersion(path: string): string {
  if (path.startsWith("/api/")) return path;
  return `${path}${path.includes("?") ? "&" : "?"}api-version=${API_VERSION}`;
}

function parseJson(text: string): Json {
  try {
    return JSON.parse(text) as Json;
  } catch {
    return null;
  }
}

/**
 * Extracts the message of an Azure error body; errors of direct methods nest another one as text.
 */
function errorText(body: Json): string | undefined {
  const object = asObject(body);
  const message = object?.message ?? object?.Message;
  if (typeof message !== "string") return undefined;
  const inner = message.startsWith("{") ? errorText(parseJson(message)) : undefined;
  return inner ?? message.replace(/^ErrorCode:\w+;/, "");
}
