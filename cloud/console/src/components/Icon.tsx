/** SVG path of each icon, in a 20 × 20 view box. */
const PATHS = {
  back: "M12 4 6 10l6 6",
  check: "m4 10.5 4 4 8-9",
  close: "m5 5 10 10M15 5 5 15",
  copy: "M7 7V4h9v9h-3M4 7h9v9H4z",
  dark: "M15.5 12.5A6.5 6.5 0 0 1 7.5 4.5a6.5 6.5 0 1 0 8 8Z",
  down: "m5 8 5 5 5-5",
  download: "M10 3v10m-4-4 4 4 4-4M4 17h12",
  forward: "m8 4 6 6-6 6",
  grip: "M7.5 5h.01M12.5 5h.01M7.5 10h.01M12.5 10h.01M7.5 15h.01M12.5 15h.01",
  light:
    "M10 6.5a3.5 3.5 0 1 0 0 7 3.5 3.5 0 0 0 0-7ZM10 2v1.5M10 16.5V18M2 10h1.5M16.5 10H18M4.3 4.3l1.1 1.1M14.6 14.6l1.1 1.1M15.7 4.3l-1.1 1.1M5.4 14.6l-1.1 1.1",
  shorter: "M4 4h12M10 16V8m-3.5 3.5L10 8l3.5 3.5",
  more: "M4.5 10h.01M10 10h.01M15.5 10h.01",
  narrower: "M3 10h5.5m-3-3 3 3-3 3M17 10h-5.5m3-3-3 3 3 3",
  pause: "M7 4v12M13 4v12",
  pencil: "M4 16l.8-3.6L13.5 3.7l2.8 2.8-8.7 8.7z",
  play: "m6 4 10 6-10 6z",
  plus: "M10 4v12M4 10h12",
  signOut: "M8 4H4v12h4M8 10h9m-3.5-3.5L17 10l-3.5 3.5",
  system: "M3 4h14v9H3zM7 17h6",
  taller: "M4 4h12M10 8v8m-3.5-3.5L10 16l3.5-3.5",
  upload: "M10 14V4m-4 4 4-4 4 4M4 17h12",
  warning: "M10 3 2.5 16.5h15zM10 8.5v4M10 14.5h.01",
  wider: "M9 10H3.5m3-3-3 3 3 3M11 10h5.5m-3-3 3 3-3 3",
} as const;

export type IconName = keyof typeof PATHS;

/** Decorative icon, hidden from assistive technology. */
export function Icon({ name }: { name: IconName }) {
  return (
    <svg class="icon" viewBox="0 0 20 20" aria-hidden="true">
      <path d={PATHS[name]} />
    </svg>
  );
}
