import { effect, signal } from "@preact/signals";

const THEMES = ["system", "light", "dark"] as const;
export type Theme = (typeof THEMES)[number];

const KEY = "theme";

/** Selected theme; `system` follows the browser. */
export const theme = signal<Theme>(
  THEMES.find((name) => name === localStorage.getItem(KEY)) ?? "system",
);

/** Counts changes of the colours, by selection or by the system. */
export const colourChanges = signal(0);

/** Selects the next theme. */
export function nextTheme(): void {
  theme.value = THEMES[(THEMES.indexOf(theme.value) + 1) % THEMES.length] ?? "system";
}

effect(() => {
  localStorage.setItem(KEY, theme.value);
  document.documentElement.dataset.theme = theme.value;
  colourChanges.value = colourChanges.peek() + 1;
});
matchMedia("(prefers-color-scheme: dark)").addEventListener("change", () => colourChanges.value++);
