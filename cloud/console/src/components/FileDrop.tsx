import type { ComponentChildren } from "preact";
import { useId, useRef } from "preact/hooks";
import { Icon } from "./Icon.tsx";
import { useFileDrop } from "./useFileDrop.ts";

interface Props {
  /** `accept` attribute of the file input. */
  accept: string;
  /** True if a file may be dropped anywhere on the page. */
  anywhere?: boolean;
  onFile: (file: File) => void;
  children: ComponentChildren;
}

/** Drop zone for a file, with a file picker. */
export function FileDrop({ accept, anywhere, onFile, children }: Props) {
  const id = useId();
  const zone = useRef<HTMLLabelElement>(null);
  const isOver = useFileDrop(onFile, anywhere ? undefined : zone);
  const choose = (input: HTMLInputElement) => {
    const file = input.files?.[0];
    if (file) onFile(file);
    // Allows the same file to be chosen again.
    input.value = "";
  };
  return (
    <label class={isOver ? "file-drop over" : "file-drop"} for={id} ref={zone}>
      <Icon name="upload" />
      {children}
      <input
        id={id}
        class="visually-hidden"
        type="file"
        accept={accept}
        onChange={(event) => choose(event.currentTarget)}
      />
    </label>
  );
}
