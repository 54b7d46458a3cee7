import type { RefObject } from "preact";
import { useEffect, useState } from "preact/hooks";

/**
 * Accepts a file dropped within `zone`, or anywhere on the page without a zone. Prevents the
 * browser from opening files dropped elsewhere. Returns true while a file is dragged over the
 * zone.
 */
export function useFileDrop(
  onFile: (file: File) => void,
  zone?: RefObject<Element | null>,
): boolean {
  const [isOver, setOver] = useState(false);
  useEffect(() => {
    const controller = new AbortController();
    const isWithin = (event: DragEvent) =>
      !zone || Boolean(zone.current?.contains(event.target as Node));
    const onDragOver = (event: DragEvent) => {
      if (!event.dataTransfer?.types.includes("Files")) return;
      event.preventDefault();
      setOver(event.type === "dragover" && isWithin(event));
    };
    const onDrop = (event: DragEvent) => {
      onDragOver(event);
      const file = event.dataTransfer?.files[0];
      if (file && isWithin(event)) onFile(file);
    };
    const onDragLeave = (event: DragEvent) => {
      if (event.relatedTarget === null) setOver(false);
    };
    addEventListener("dragover", onDragOver, controller);
    addEventListener("dragleave", onDragLeave, controller);
    addEventListener("drop", onDrop, controller);
    return () => controller.abort();
  }, [onFile, zone]);
  return isOver;
}
