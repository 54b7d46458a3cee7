import type { Json } from "./json.ts";

/** Value that Azure uses for a missing time. */
const NEVER = "0001-01-01T00:00:00Z";

/** Maximum that browsers support. */
const MAX_DECIMAL_PLACES = 20;
const NUMBER = numberFormat(3);
const CLOCK = new Intl.DateTimeFormat("en-GB", {
  hour: "2-digit",
  minute: "2-digit",
  second: "2-digit",
});
const DAY = new Intl.DateTimeFormat("en-GB", { day: "numeric", month: "short" });

function numberFormat(decimalPlaces: number): Intl.NumberFormat {
  return new Intl.NumberFormat("en", {
    maximumFractionDigits: Math.min(Math.max(Math.trunc(decimalPlaces), 0), MAX_DECIMAL_PLACES),
    useGrouping: false,
  });
}

/** Parses a time to milliseconds; `undefined` if it is missing. */
export function parseTime(text: string | undefined): number | undefined {
  if (!text || text === NEVER) return undefined;
  const at = Date.parse(text);
  return Number.isNaN(at) ? undefined : at;
}

/** Formats the time of day to the second, with the date if it is not today. */
export function formatTime(at: number): string {
  const time = new Date(at);
  const today = new Date().toDateString() === time.toDateString();
  return today ? CLOCK.format(time) : `${DAY.format(time)} ${CLOCK.format(time)}`;
}

/** Formats the time of day to the millisecond. */
export function formatPreciseTime(at: number): string {
  return `${formatTime(at)}.${String(new Date(at).getMilliseconds()).padStart(3, "0")}`;
}

/** Formats an age in its largest unit. */
export function formatAge(at: number, now: number): string {
  const seconds = Math.max(0, Math.round((now - at) / 1000));
  if (seconds < 2) return "now";
  if (seconds < 60) return `${seconds} s ago`;
  if (seconds < 3600) return `${Math.floor(seconds / 60)} min ago`;
  if (seconds < 86_400) return `${Math.floor(seconds / 3600)} h ago`;
  return `${Math.floor(seconds / 86_400)} d ago`;
}

/** Formats a duration. */
export function formatDuration(milliseconds: number): string {
  if (milliseconds < 1) return `${NUMBER.format(milliseconds)} ms`;
  if (milliseconds < 1000) return `${Math.round(milliseconds)} ms`;
  if (milliseconds < 60_000) return `${(milliseconds / 1000).toFixed(1)} s`;
  return `${Math.floor(milliseconds / 60_000)} min ${Math.round((milliseconds % 60_000) / 1000)} s`;
}

/** Formats a size in bytes. */
export function formatBytes(bytes: number): string {
  if (bytes < 1024) return formatCount(bytes, "byte");
  if (bytes < 1024 ** 2) return `${(bytes / 1024).toFixed(1)} KiB`;
  return `${(bytes / 1024 ** 2).toFixed(1)} MiB`;
}

/** Returns the first 8 characters of a hash. */
export function shortHash(hash: string): string {
  return hash.slice(0, 8);
}

/** Formats a value for a table cell; numbers with at most 3 decimal places unless the model says otherwise. */
export function formatValue(value: Json | undefined, decimalPlaces?: number): string {
  if (value === undefined) return "";
  if (typeof value === "number") {
    const format = decimalPlaces === undefined ? NUMBER : numberFormat(decimalPlaces);
    return format.format(value);
  }
  if (typeof value === "string") return value;
  return JSON.stringify(value);
}

/** Formats a count with its noun. */
export function formatCount(number: number, singular: string, plural = `${singular}s`): string {
  return `${number.toLocaleString("en")} ${number === 1 ? singular : plural}`;
}

/** Formats a name in kebab case, such as the step of a swap, as a title. */
export function formatTitle(name: string): string {
  return name.charAt(0).toUpperCase() + name.slice(1).replaceAll("-", " ");
}
