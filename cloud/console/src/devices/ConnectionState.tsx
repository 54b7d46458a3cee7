import type { DeviceSummary } from "../api/twin.ts";
import { Chip } from "../components/Chip.tsx";

/** Connection state of a device. */
export function ConnectionState({ twin }: { twin: Pick<DeviceSummary, "connected" | "blocked"> }) {
  if (twin.blocked) return <Chip tone="danger">Blocked</Chip>;
  return twin.connected ? (
    <Chip tone="success">Connected</Chip>
  ) : (
    <Chip tone="neutral">Disconnected</Chip>
  );
}
