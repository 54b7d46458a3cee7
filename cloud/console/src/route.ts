import { signal } from "@preact/signals";

/** Path prefix of the console; all other paths are endpoints of the cloud. */
const BASE = "/console/";

/** Tabs of every device, in display order. */
export const STANDARD_TABS = [
  "overview",
  "properties",
  "commands",
  "data",
  "twin",
  "trace",
  "component",
  "faults",
] as const;
export type StandardTab = (typeof STANDARD_TABS)[number];

/** Tab of a device: a standard tab or a view of its device template. */
export type DeviceTab = StandardTab | { view: string };

/** Page selected by the URL. */
export type Route =
  | { page: "devices" | "templates" | "unknown" }
  | { page: "device"; device: string; tab: DeviceTab }
  | { page: "template"; model: string };

/** Current route. */
export const route = signal<Route>(parseRoute(location.pathname));

/** Returns the path of a device tab. */
export function devicePath(device: string, tab: DeviceTab = "overview"): string {
  const base = `${BASE}d/${encodeURIComponent(device)}`;
  if (tab === "overview") return base;
  return typeof tab === "string"
    ? `${base}/${tab}`
    : `${base}/view/${encodeURIComponent(tab.view)}`;
}

/** Path of the device list. */
export const DEVICES_PATH = BASE;

/** Path of the list of device templates. */
export const TEMPLATES_PATH = `${BASE}templates`;

/** Returns the path of the device template of a model. */
export function templatePath(model: string): string {
  return `${TEMPLATES_PATH}/${encodeURIComponent(model)}`;
}

/** Path of the current page, also while leaving is being confirmed. */
let currentPath = location.pathname;

/** Confirms leaving the page, if changes would be lost. */
let confirmLeave: ((leave: () => void) => void) | undefined;

/** Registers a callback that confirms leaving the page. Returns a function that removes it. */
export function confirmBeforeLeaving(confirm: (leave: () => void) => void): () => void {
  const preventUnload = (event: Event) => event.preventDefault();
  confirmLeave = confirm;
  addEventListener("beforeunload", preventUnload);
  return () => {
    confirmLeave = undefined;
    removeEventListener("beforeunload", preventUnload);
  };
}

/** Navigates to a path without reloading the page. */
export function navigate(path: string): void {
  if (path !== currentPath && confirmLeave) {
    confirmLeave(() => leave(path));
  } else {
    history.pushState(null, "", path);
    applyLocation();
  }
}

/** Handles back and forward; the URL has already changed. */
function onPopState(): void {
  const path = location.pathname;
  if (path === currentPath || !confirmLeave) {
    applyLocation();
  } else {
    history.pushState(null, "", currentPath);
    confirmLeave(() => leave(path));
  }
}

function leave(path: string): void {
  confirmLeave = undefined;
  navigate(path);
}

function applyLocation(): void {
  currentPath = location.pathname;
  route.value = parseRoute(currentPath);
  scrollTo(0, 0);
}

function parseRoute(path: string): Route {
  const parts = path.slice(BASE.length).split("/").filter(Boolean).map(decodeSegment);
  const [kind, name] = parts;
  if (kind === undefined) return { page: "devices" };
  if (kind === "templates" && parts.length <= 2)
    return name === undefined ? { page: "templates" } : { page: "template", model: name };
  const tab = parseTab(parts.slice(2));
  return kind === "d" && name !== undefined && tab
    ? { page: "device", device: name, tab }
    : { page: "unknown" };
}

function parseTab([kind = "overview", name, ...more]: string[]): DeviceTab | undefined {
  if (more.length > 0) return undefined;
  if (kind === "view") return name === undefined ? undefined : { view: name };
  return name === undefined ? STANDARD_TABS.find((tab) => tab === kind) : undefined;
}

function decodeSegment(name: string): string {
  try {
    return decodeURIComponent(name);
  } catch {
    return name;
  }
}

/** Handles links within the console and browser history. */
export function startRouter(): void {
  addEventListener("popstate", onPopState);
  addEventListener("click", (event) => {
    const link = event.target instanceof Element ? event.target.closest("a") : null;
    const isPlainClick = event.button === 0 && !event.metaKey && !event.ctrlKey && !event.shiftKey;
    if (!link || !isPlainClick || link.hasAttribute("download") || link.target) return;
    if (link.origin !== location.origin || !link.pathname.startsWith(BASE)) return;
    event.preventDefault();
    navigate(link.pathname);
  });
}
