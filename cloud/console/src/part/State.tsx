import type { ComponentChildren } from "preact";
import { Icon } from "./Icon.tsx";

/** Says that there is nothing, and what would change that. */
export function Empty({ title, children }: { title: string; children?: ComponentChildren }) {
  return (
    <div class="state">
      <p class="title">{title}</p>
      {children && <p>{children}</p>}
    </div>
  );
}

/** Says what went wrong. */
export function Trouble({ children }: { children: ComponentChildren }) {
  return (
    <p class="trouble" role="alert">
      <Icon name="warning" /> <span>{children}</span>
    </p>
  );
}

/** Holds the place of what is being loaded. */
export function Skeleton({ lines }: { lines: number }) {
  return (
    <div class="skeleton" aria-busy="true" aria-label="Loading">
      {Array.from({ length: lines }, (_, line) => <div key={line} />)}
    </div>
  );
}
