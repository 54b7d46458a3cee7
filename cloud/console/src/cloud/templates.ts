import type { Json } from "../json.ts";
import { ask, part } from "./request.ts";

/** Telemetry, a property or a command of a model. */
export interface Capability {
  /** The component it belongs to, if it is not the device's own. */
  readonly component?: string;
  readonly name: string;
}

/** What a tile is: the last values, values over time, properties to read and to set, or a command to call. */
export type TileKind = "value" | "chart" | "properties" | "command";

/** A part of a view. */
export interface Tile {
  readonly kind: TileKind;
  /** What stands above it; without one, the names of what it shows. */
  readonly title?: string;
  readonly shows: readonly Capability[];
  /** Of the four columns of a view. */
  readonly columns: number;
  readonly rows: number;
}

/** Something to look at. */
export interface View {
  /** No two of a template have the same. */
  readonly name: string;
  /** In the order in which they are laid out, row by row. */
  readonly tiles: readonly Tile[];
}

/** Views as they were published. */
export interface Version {
  readonly version: number;
  readonly published: string;
  readonly views: readonly View[];
}

/** How the devices of a model are shown. */
export interface Template {
  readonly model: string;
  readonly etag: string;
  /** What is being arranged. */
  readonly draft: readonly View[];
  /** The newest last. */
  readonly versions: readonly Version[];
}

/** How things stand with a template. */
export interface TemplateSummary {
  readonly model: string;
  /** The newest version, if there is one. */
  readonly version: number | null;
  /** Whether the draft differs from it. */
  readonly changed: boolean;
}

/** What a template must still be for a change to be taken: what it was when it was read, nothing, or whatever it is. */
export type Precondition = Template | "none" | "any";

/** Every template, without its views. */
export async function templates(): Promise<TemplateSummary[]> {
  return (await ask("/api/templates")).body as unknown as TemplateSummary[];
}

/** The template of a model, if there is one. */
export async function template(model: string): Promise<Template | undefined> {
  const all = await templates();
  if (!all.some((one) => one.model === model)) return undefined;
  return (await ask(address(model))).body as unknown as Template;
}

/** The views of the newest version of a model's template. */
export async function publishedViews(model: string): Promise<readonly View[]> {
  return (await template(model))?.versions.at(-1)?.views ?? [];
}

/**
 * Makes these views the draft.
 *
 * @throws {Problem} 412 if the template is another meanwhile.
 */
export async function arrange(model: string, views: readonly View[], before: Precondition): Promise<Template> {
  const order = { method: "PUT", headers: precondition(before), body: { views } as unknown as Json } as const;
  return (await ask(address(model), order)).body as unknown as Template;
}

/**
 * Makes the draft the newest version.
 *
 * @throws {Problem} 412 if the template is another meanwhile.
 */
export async function publish(model: string, before: Template): Promise<Template> {
  const order = { method: "POST", headers: precondition(before) } as const;
  return (await ask(`${address(model)}/publish`, order)).body as unknown as Template;
}

function precondition(before: Precondition): Record<string, string> {
  if (before === "any") return {};
  return before === "none" ? { "if-none-match": "*" } : { "if-match": `"${before.etag}"` };
}

function address(model: string): string {
  return `/api/templates/${part(model)}`;
}
