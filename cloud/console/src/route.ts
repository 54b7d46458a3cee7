import { signal } from "@preact/signals";

/** Where the page lives. Everything else belongs to the cloud's endpoints. */
const BASE = "/console/";

/** The tabs of a device, in the order they are shown. */
export const TABS = ["overview", "properties", "commands", "data", "twin", "trace", "component", "faults"] as const;
export type Tab = (typeof TABS)[number];

/** What the address stands for. */
export type Route = { page: "devices" } | { page: "device"; device: string; tab: Tab } | { page: "unknown" };

/** The route that is shown. */
export const route = signal<Route>(parse(location.pathname));

/** The address of a device's tab. */
export function deviceAddress(device: string, tab: Tab = "overview"): string {
  const name = `${BASE}d/${encodeURIComponent(device)}`;
  return tab === "overview" ? name : `${name}/${tab}`;
}

/** The address of the list of devices. */
export const DEVICES = BASE;

/** Shows another address without loading the page again. */
export function go(address: string): void {
  history.pushState(null, "", address);
  show();
}

function show(): void {
  route.value = parse(location.pathname);
  scrollTo(0, 0);
}

function parse(path: string): Route {
  const [kind, device, tab = "overview", ...more] = path.slice(BASE.length).split("/").filter(Boolean);
  if (kind === undefined) return { page: "devices" };
  const known = TABS.find((name) => name === tab);
  if (kind !== "d" || device === undefined || !known || more.length > 0) return { page: "unknown" };
  return { page: "device", device: decoded(device), tab: known };
}

function decoded(name: string): string {
  try {
    return decodeURIComponent(name);
  } catch {
    return name;
  }
}

/** Follows links within the page, and the browser's buttons. */
export function listen(): void {
  addEventListener("popstate", show);
  addEventListener("click", (event) => {
    const link = event.target instanceof Element ? event.target.closest("a") : null;
    const plain = event.button === 0 && !event.metaKey && !event.ctrlKey && !event.shiftKey;
    if (!link || !plain || link.hasAttribute("download") || link.target) return;
    if (link.origin !== location.origin || !link.pathname.startsWith(BASE)) return;
    event.preventDefault();
    go(link.pathname);
  });
}
