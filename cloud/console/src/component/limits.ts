/** A limit on a component, as `--limit` calls it. */
export interface Limit {
  readonly name: string;
  /** What it counts. */
  readonly title: string;
  readonly show: (number: number) => string;
}

const UNITS: [number, string][] = [[1024 ** 3, "GiB"], [1024 ** 2, "MiB"], [1024, "KiB"]];

/** Not rounded: a limit is what somebody has set. */
function bytes(number: number): string {
  const [unit, name] = UNITS.find(([unit]) => number > 0 && number % unit === 0) ?? [1, "bytes"];
  return `${(number / unit).toLocaleString("en")} ${name}`;
}

const time = (milliseconds: number) => (milliseconds % 1000 === 0 ? `${milliseconds / 1000} s` : `${milliseconds} ms`);
const pieces = (number: number) => number.toLocaleString("en");

/** What a host limits, in the order of `host check`. */
export const LIMITS: Limit[] = [
  { name: "memory", title: "Memory", show: bytes },
  { name: "table-elements", title: "Table elements", show: pieces },
  { name: "parts", title: "Memories, tables and instances, each", show: pieces },
  { name: "cpu", title: "Processor time of a call", show: time },
  { name: "wall", title: "Time of a call", show: time },
  { name: "effects", title: "Messages, reports and timers of a call", show: pieces },
  { name: "timers", title: "Timers", show: pieces },
  { name: "record", title: "Record", show: bytes },
  { name: "reply", title: "Response of a command", show: bytes },
  { name: "hostcall", title: "What a call into the host carries", show: bytes },
  { name: "log-line", title: "Length of a log line", show: bytes },
  { name: "log-rate", title: "Log lines a second", show: pieces },
  { name: "component", title: "Size of the file", show: bytes },
  { name: "compile-time", title: "Time of a compilation", show: time },
  { name: "compile-memory", title: "Memory of a compilation", show: bytes },
];

/** How much a limit is, in words; nothing if it is not in force. */
export function limitShown(name: string, limits: Record<string, number>): string | undefined {
  const number = limits[name];
  return number === undefined ? undefined : LIMITS.find((limit) => limit.name === name)?.show(number);
}
