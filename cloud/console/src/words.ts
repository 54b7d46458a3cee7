import type { Json } from "./json.ts";

/** How Azure writes a time that never was. */
const NEVER = "0001-01-01T00:00:00Z";

const NUMBER = new Intl.NumberFormat("en", { maximumFractionDigits: 3, useGrouping: false });
const CLOCK = new Intl.DateTimeFormat("en-GB", { hour: "2-digit", minute: "2-digit", second: "2-digit" });
const DAY = new Intl.DateTimeFormat("en-GB", { day: "numeric", month: "short" });

/** A moment in milliseconds, or nothing if there was none. */
export function moment(text: string | undefined): number | undefined {
  if (!text || text === NEVER) return undefined;
  const at = Date.parse(text);
  return Number.isNaN(at) ? undefined : at;
}

/** The time of day, with the day if it is not today, to the second. */
export function clock(at: number): string {
  const then = new Date(at);
  const today = new Date().toDateString() === then.toDateString();
  return today ? CLOCK.format(then) : `${DAY.format(then)} ${CLOCK.format(then)}`;
}

/** The time of day to the millisecond. */
export function preciseClock(at: number): string {
  return `${clock(at)}.${String(new Date(at).getMilliseconds()).padStart(3, "0")}`;
}

/** How long ago, in the largest unit that says enough. */
export function ago(at: number, now: number): string {
  const seconds = Math.max(0, Math.round((now - at) / 1000));
  if (seconds < 2) return "now";
  if (seconds < 60) return `${seconds} s ago`;
  if (seconds < 3600) return `${Math.floor(seconds / 60)} min ago`;
  if (seconds < 86_400) return `${Math.floor(seconds / 3600)} h ago`;
  return `${Math.floor(seconds / 86_400)} d ago`;
}

/** A length of time. */
export function span(milliseconds: number): string {
  if (milliseconds < 1) return `${NUMBER.format(milliseconds)} ms`;
  if (milliseconds < 1000) return `${Math.round(milliseconds)} ms`;
  if (milliseconds < 60_000) return `${(milliseconds / 1000).toFixed(1)} s`;
  return `${Math.floor(milliseconds / 60_000)} min ${Math.round((milliseconds % 60_000) / 1000)} s`;
}

/** A number of bytes. */
export function size(bytes: number): string {
  if (bytes < 1024) return count(bytes, "byte");
  if (bytes < 1024 ** 2) return `${(bytes / 1024).toFixed(1)} KiB`;
  return `${(bytes / 1024 ** 2).toFixed(1)} MiB`;
}

/** The beginning of a hash: enough to tell versions apart. */
export function shortHash(hash: string): string {
  return hash.slice(0, 8);
}

/** A value as it stands in a cell: what is short is written out, the rest as JSON. */
export function short(value: Json | undefined): string {
  if (value === undefined) return "";
  if (typeof value === "number") return NUMBER.format(value);
  if (typeof value === "string") return value;
  return JSON.stringify(value);
}

/** So many of a thing. */
export function count(number: number, one: string, several = `${one}s`): string {
  return `${number.toLocaleString("en")} ${number === 1 ? one : several}`;
}
