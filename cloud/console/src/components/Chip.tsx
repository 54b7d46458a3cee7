import type { ComponentChildren } from "preact";

export type Tone = "neutral" | "success" | "warning" | "danger" | "info";

/** Status chip. */
export function Chip({
  tone,
  children,
  title,
}: {
  tone: Tone;
  children: ComponentChildren;
  title?: string;
}) {
  return (
    <span class={`chip ${tone}`} title={title}>
      {children}
    </span>
  );
}
