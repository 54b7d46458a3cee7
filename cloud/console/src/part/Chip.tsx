import type { ComponentChildren } from "preact";

export type Tone = "quiet" | "good" | "wait" | "bad" | "accent";

/** A short state, in its colour and in words. */
export function Chip({ tone, children, title }: { tone: Tone; children: ComponentChildren; title?: string }) {
  return <span class={`chip ${tone}`} title={title}>{children}</span>;
}
