import type { ComponentChildren } from "preact";
import { Icon } from "./Icon.tsx";

/** Message shown instead of an empty list or page. */
export function EmptyState({ title, children }: { title: string; children?: ComponentChildren }) {
  return (
    <div class="empty-state">
      <p class="title">{title}</p>
      {children && <p>{children}</p>}
    </div>
  );
}

/** Error message. */
export function ErrorMessage({ children }: { children: ComponentChildren }) {
  return (
    <p class="error-message" role="alert">
      <Icon name="warning" /> <span>{children}</span>
    </p>
  );
}

/** Placeholder shown while data is loading. */
export function Skeleton({ lines }: { lines: number }) {
  return (
    <div class="skeleton" role="status" aria-busy="true" aria-label="Loading">
      {Array.from({ length: lines }, (_, line) => (
        <div key={line} />
      ))}
    </div>
  );
}
