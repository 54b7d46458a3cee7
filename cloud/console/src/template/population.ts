import { type Signal, useSignal } from "@preact/signals";
import { useEffect } from "preact/hooks";
import { eventStream } from "../live/event.ts";

const QUERY = "last=0&kind=connected&kind=created&kind=deleted";

/** Counts how often there were other devices, or devices of another model, while this is of interest. */
export function usePopulation(isOfInterest = true): Signal<number> {
  const changes = useSignal(0);
  useEffect(() => {
    if (!isOfInterest) return;
    const stream = eventStream(QUERY, () => changes.value++);
    return () => stream.close();
  }, [isOfInterest]);
  return changes;
}
