import type { ComponentChildren } from "preact";
import { useId, useRef } from "preact/hooks";
import { useDrop } from "./drop.ts";
import { Icon } from "./Icon.tsx";

interface Props {
  /** The files to choose from, as an input names them. */
  accept: string;
  /** Whether a file may be dropped anywhere on the page: where there is no other place for one. */
  anywhere?: boolean;
  onFile: (file: File) => void;
  children: ComponentChildren;
}

/** A place to drop a file on, or to choose one. */
export function FilePlace({ accept, anywhere, onFile, children }: Props) {
  const id = useId();
  const place = useRef<HTMLLabelElement>(null);
  const isOver = useDrop(onFile, anywhere ? undefined : place);
  const choose = (input: HTMLInputElement) => {
    const file = input.files?.[0];
    if (file) onFile(file);
    // So that the same file can be chosen once more.
    input.value = "";
  };
  return (
    <label class={isOver ? "drop over" : "drop"} for={id} ref={place}>
      <Icon name="upload" />
      {children}
      <input id={id} class="unseen" type="file" accept={accept} onChange={(event) => choose(event.currentTarget)} />
    </label>
  );
}
