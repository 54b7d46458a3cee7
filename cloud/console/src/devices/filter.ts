import type { Listed } from "../cloud/twin.ts";

/** The states to choose from. */
export const FILTERS = [
  { state: "all", title: "All" },
  { state: "connected", title: "Connected" },
  { state: "disconnected", title: "Not connected" },
  { state: "blocked", title: "Blocked" },
] as const;

/** Which devices are to be seen. */
export interface Filter {
  readonly text: string;
  readonly state: (typeof FILTERS)[number]["state"];
}

/** Whether a device is to be seen. */
export function matches(twin: Listed, filter: Filter): boolean {
  const text = filter.text.trim().toLowerCase();
  const named = `${twin.device}\n${twin.model ?? ""}`.toLowerCase().includes(text);
  return named && isIn(twin, filter.state);
}

function isIn(twin: Listed, state: Filter["state"]): boolean {
  if (state === "all") return true;
  if (state === "blocked") return twin.blocked;
  return twin.connected === (state === "connected");
}
