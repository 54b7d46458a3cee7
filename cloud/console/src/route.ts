import { signal } from "@preact/signals";

/** Where the page lives. Everything else belongs to the cloud's endpoints. */
const BASE = "/console/";

/** The tabs every device has, in the order they are shown. */
export const TABS = ["overview", "properties", "commands", "data", "twin", "trace", "component", "faults"] as const;
export type Tab = (typeof TABS)[number];

/** What of a device is shown: a tab every device has, or a view of its model's template. */
export type Place = Tab | { view: string };

/** What the address stands for. */
export type Route =
  | { page: "devices" | "templates" | "unknown" }
  | { page: "device"; device: string; place: Place }
  | { page: "template"; model: string };

/** The route that is shown. */
export const route = signal<Route>(parse(location.pathname));

/** The address of a place on a device's page. */
export function deviceAddress(device: string, place: Place = "overview"): string {
  const name = `${BASE}d/${encodeURIComponent(device)}`;
  if (place === "overview") return name;
  return typeof place === "string" ? `${name}/${place}` : `${name}/view/${encodeURIComponent(place.view)}`;
}

/** The address of the list of devices. */
export const DEVICES = BASE;

/** The address of the list of templates. */
export const TEMPLATES = `${BASE}templates`;

/** The address of a model's template. */
export function templateAddress(model: string): string {
  return `${TEMPLATES}/${encodeURIComponent(model)}`;
}

/** Where the page is, also while it is asked whether to leave. */
let here = location.pathname;

/** Asked instead of leaving, where something would be lost. */
let asking: ((leave: () => void) => void) | undefined;

/** Has `ask` asked before anything else is shown, with what leaves after all, until what is returned is called. */
export function askBeforeLeaving(ask: (leave: () => void) => void): () => void {
  const stay = (event: Event) => event.preventDefault();
  asking = ask;
  addEventListener("beforeunload", stay);
  return () => {
    asking = undefined;
    removeEventListener("beforeunload", stay);
  };
}

/** Shows another address without loading the page again. */
export function go(address: string): void {
  if (address !== here && asking) return asking(() => leave(address));
  history.pushState(null, "", address);
  show();
}

/** The browser has gone elsewhere already when it tells. */
function goneBack(): void {
  const wanted = location.pathname;
  if (wanted === here || !asking) return show();
  history.pushState(null, "", here);
  asking(() => leave(wanted));
}

function leave(address: string): void {
  asking = undefined;
  go(address);
}

function show(): void {
  here = location.pathname;
  route.value = parse(here);
  scrollTo(0, 0);
}

function parse(path: string): Route {
  const parts = path.slice(BASE.length).split("/").filter(Boolean).map(decoded);
  const [kind, name] = parts;
  if (kind === undefined) return { page: "devices" };
  if (kind === "templates" && parts.length <= 2) return name === undefined ? { page: "templates" } : { page: "template", model: name };
  const place = placeOf(parts.slice(2));
  return kind === "d" && name !== undefined && place ? { page: "device", device: name, place } : { page: "unknown" };
}

function placeOf([kind = "overview", name, ...more]: string[]): Place | undefined {
  if (more.length > 0) return undefined;
  if (kind === "view") return name === undefined ? undefined : { view: name };
  return name === undefined ? TABS.find((tab) => tab === kind) : undefined;
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
  addEventListener("popstate", goneBack);
  addEventListener("click", (event) => {
    const link = event.target instanceof Element ? event.target.closest("a") : null;
    const plain = event.button === 0 && !event.metaKey && !event.ctrlKey && !event.shiftKey;
    if (!link || !plain || link.hasAttribute("download") || link.target) return;
    if (link.origin !== location.origin || !link.pathname.startsWith(BASE)) return;
    event.preventDefault();
    go(link.pathname);
  });
}
