import type { Json } from "../json.ts";
import { callApi, pathSegment } from "./request.ts";

/** Telemetry, property or command of a model. */
export interface Capability {
  /** Component of the capability; absent for the root component. */
  readonly component?: string;
  readonly name: string;
}

/** Kinds of tiles: last known values, line chart, property form, command form. */
export type TileKind = "value" | "chart" | "properties" | "command";

/** Tile of a view. */
export interface Tile {
  readonly kind: TileKind;
  /** Title; the names of the capabilities by default. */
  readonly title?: string;
  readonly shows: readonly Capability[];
  /** Width in columns, out of four. */
  readonly columns: number;
  readonly rows: number;
}

/** Dashboard for the devices of a model. */
export interface View {
  /** Name, unique within the template. */
  readonly name: string;
  /** Tiles in layout options, row by row. */
  readonly tiles: readonly Tile[];
}

/** Published version of the views. */
export interface Version {
  readonly version: number;
  readonly published: string;
  readonly views: readonly View[];
}

/** Device template: the views of a model. */
export interface Template {
  readonly model: string;
  readonly etag: string;
  /** Views being edited. */
  readonly draft: readonly View[];
  /** Published versions, newest last. */
  readonly versions: readonly Version[];
}

/** Summary of a device template. */
export interface TemplateSummary {
  readonly model: string;
  /** Latest published version. */
  readonly version: number | null;
  /** True if the draft differs from the latest version. */
  readonly changed: boolean;
}

/** Expected state of the template: as it was read, missing, or any. */
export type Precondition = Template | "none" | "any";

/** Lists the device templates, without their views. */
export async function listTemplates(): Promise<TemplateSummary[]> {
  return (await callApi("/api/templates")).body as unknown as TemplateSummary[];
}

/** Returns the device template of a model, if there is one. */
export async function getTemplate(model: string): Promise<Template | undefined> {
  const all = await listTemplates();
  if (!all.some((one) => one.model === model)) return undefined;
  return (await callApi(templatePath(model))).body as unknown as Template;
}

/** Returns the views of the latest published version. */
export async function getPublishedViews(model: string): Promise<readonly View[]> {
  return (await getTemplate(model))?.versions.at(-1)?.views ?? [];
}

/**
 * Saves views as the draft.
 *
 * @throws {ApiError} 412 if the template has changed.
 */
export async function saveDraft(
  model: string,
  views: readonly View[],
  before: Precondition,
): Promise<Template> {
  const options = {
    method: "PUT",
    headers: preconditionHeaders(before),
    body: { views } as unknown as Json,
  } as const;
  return (await callApi(templatePath(model), options)).body as unknown as Template;
}

/**
 * Publishes the draft as a new version.
 *
 * @throws {ApiError} 412 if the template has changed.
 */
export async function publishDraft(model: string, before: Template): Promise<Template> {
  const options = { method: "POST", headers: preconditionHeaders(before) } as const;
  return (await callApi(`${templatePath(model)}/publish`, options)).body as unknown as Template;
}

function preconditionHeaders(before: Precondition): Record<string, string> {
  if (before === "any") return {};
  return before === "none" ? { "if-none-match": "*" } : { "if-match": `"${before.etag}"` };
}

function templatePath(model: string): string {
  return `/api/templates/${pathSegment(model)}`;
}
