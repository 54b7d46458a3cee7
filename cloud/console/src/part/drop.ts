import type { RefObject } from "preact";
import { useEffect, useState } from "preact/hooks";

/**
 * Takes a file that is dropped within `zone`, or anywhere on the page without one; elsewhere the browser would open it, and
 * is kept from that. Whether a file is over it.
 */
export function useDrop(take: (file: File) => void, zone?: RefObject<Element | null>): boolean {
  const [isOver, setOver] = useState(false);
  useEffect(() => {
    const listening = new AbortController();
    const isWithin = (event: DragEvent) => !zone || Boolean(zone.current?.contains(event.target as Node));
    const hold = (event: DragEvent) => {
      if (!event.dataTransfer?.types.includes("Files")) return;
      event.preventDefault();
      setOver(event.type === "dragover" && isWithin(event));
    };
    const drop = (event: DragEvent) => {
      hold(event);
      const file = event.dataTransfer?.files[0];
      if (file && isWithin(event)) take(file);
    };
    const leave = (event: DragEvent) => {
      if (event.relatedTarget === null) setOver(false);
    };
    addEventListener("dragover", hold, listening);
    addEventListener("dragleave", leave, listening);
    addEventListener("drop", drop, listening);
    return () => listening.abort();
  }, [take, zone]);
  return isOver;
}
