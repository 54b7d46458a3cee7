/** Limit of a component, as named by `--limit`. */
export interface Limit {
  readonly name: string;
  /** Title of the limit. */
  readonly title: string;
  readonly format: (number: number) => string;
}

const UNITS: [number, string][] = [
  [1024 ** 3, "GiB"],
  [1024 ** 2, "MiB"],
  [1024, "KiB"],
];

/** Formats bytes without rounding. */
function bytes(number: number): string {
  const [unit, name] = UNITS.find(([unit]) => number > 0 && number % unit === 0) ?? [1, "bytes"];
  return `${(number / unit).toLocaleString("en")} ${name}`;
}

const time = (milliseconds: number) =>
  milliseconds % 1000 === 0 ? `${milliseconds / 1000} s` : `${milliseconds} ms`;
const counted = (number: number) => number.toLocaleString("en");
const perSecond = (format: (number: number) => string) => (number: number) => `${format(number)}/s`;

/** Limits of a host, in the order of `host check`. */
export const LIMITS: Limit[] = [
  { name: "memory", title: "Memory", format: bytes },
  { name: "table-elements", title: "Table elements", format: counted },
  { name: "instances", title: "Instances, memories, tables (each)", format: counted },
  { name: "cpu", title: "CPU time per call", format: time },
  { name: "wall", title: "Wall time per call", format: time },
  { name: "effects", title: "Effects per call", format: counted },
  { name: "timers", title: "Timers", format: counted },
  { name: "calls", title: "Calls", format: perSecond(counted) },
  { name: "messages", title: "Messages and reports", format: perSecond(counted) },
  { name: "commit", title: "Committed bytes", format: perSecond(bytes) },
  { name: "record", title: "State record", format: bytes },
  { name: "reply", title: "Command response", format: bytes },
  { name: "hostcall", title: "Host call payload", format: bytes },
  { name: "log-line", title: "Log line", format: bytes },
  { name: "log-rate", title: "Log lines per second", format: counted },
  { name: "component", title: "Component file", format: bytes },
  { name: "compile-time", title: "Compile time", format: time },
  { name: "compile-memory", title: "Compile memory", format: bytes },
];

/** Formats a limit; `undefined` if the host does not know it. */
export function formatLimit(
  name: string,
  limits: Record<string, number | null>,
): string | undefined {
  const number = limits[name];
  if (number === null) return "None";
  return number === undefined
    ? undefined
    : LIMITS.find((limit) => limit.name === name)?.format(number);
}
