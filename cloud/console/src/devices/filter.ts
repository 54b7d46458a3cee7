import type { DeviceSummary } from "../api/twin.ts";

/** States to filter by. */
export const STATE_FILTERS = [
  { state: "all", title: "All" },
  { state: "connected", title: "Connected" },
  { state: "disconnected", title: "Disconnected" },
  { state: "blocked", title: "Blocked" },
] as const;

/** Filter of the device list. */
export interface Filter {
  readonly text: string;
  readonly state: (typeof STATE_FILTERS)[number]["state"];
}

/** Returns true if a device matches the filter. */
export function matches(twin: DeviceSummary, filter: Filter): boolean {
  const text = filter.text.trim().toLowerCase();
  const matchesText = `${twin.device}\n${twin.model ?? ""}`.toLowerCase().includes(text);
  return matchesText && matchesState(twin, filter.state);
}

function matchesState(twin: DeviceSummary, state: Filter["state"]): boolean {
  if (state === "all") return true;
  if (state === "blocked") return twin.blocked;
  return twin.connected === (state === "connected");
}
