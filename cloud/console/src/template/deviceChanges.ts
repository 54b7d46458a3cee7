import { type Signal, useSignal } from "@preact/signals";
import { useEffect } from "preact/hooks";
import { openEventStream } from "../live/event.ts";

const QUERY = "last=0&kind=connected&kind=created&kind=deleted";

/** Counts created, deleted and connected devices while enabled. */
export function useDeviceChanges(isEnabled = true): Signal<number> {
  const changes = useSignal(0);
  useEffect(() => {
    if (!isEnabled) return;
    const stream = openEventStream(QUERY, () => changes.value++);
    return () => stream.close();
  }, [isEnabled]);
  return changes;
}
