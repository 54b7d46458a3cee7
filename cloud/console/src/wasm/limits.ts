/** Limit of a component, as named by `--limit`. */
export interface Limit {
  readonly name: string;
  /** Title of the limit. */
  readonly title: string;
  readonly format: (number: number) => string;
}

const UNITS: [number, string][] = [[1024 ** 3, "GiB"], [1024 ** 2, "MiB"], [1024, "KiB"]];

/** Formats bytes without rounding. */
function bytes(number: number): string {
  const [unit, name] = UNITS.find(([unit]) => number > 0 && number % unit === 0) ?? [1, "bytes"];
  return `${(number / unit).toLocaleString("en")} ${name}`;
}

const time = (milliseconds: number) => (milliseconds % 1000 === 0 ? `${milliseconds / 1000} s` : `${milliseconds} ms`);
const counted = (number: number) => number.toLocaleString("en");

/** Limits of a host, in the order of `host check`. */
export const LIMITS: Limit[] = [
  { name: "memory", title: "Memory", format: bytes },
  { name: "table-elements", title: "Table elements", format: counted },
  { name: "instances", title: "Memories, tables and instances, each", format: counted },
  { name: "cpu", title: "Processor time of a call", format: time },
  { name: "wall", title: "Time of a call", format: time },
  { name: "effects", title: "Messages, reports and timers of a call", format: counted },
  { name: "timers", title: "Timers", format: counted },
  { name: "record", title: "Record", format: bytes },
  { name: "reply", title: "Response of a command", format: bytes },
  { name: "hostcall", title: "What a call into the host carries", format: bytes },
  { name: "log-line", title: "Length of a log line", format: bytes },
  { name: "log-rate", title: "Log lines a second", format: counted },
  { name: "component", title: "Size of the file", format: bytes },
  { name: "compile-time", title: "Time of a compilation", format: time },
  { name: "compile-memory", title: "Memory of a compilation", format: bytes },
];

/** Formats a limit; `undefined` if it is not set. */
export function formatLimit(name: string, limits: Record<string, number>): string | undefined {
  const number = limits[name];
  return number === undefined ? undefined : LIMITS.find((limit) => limit.name === name)?.format(number);
}
