import type { Capability, Tile, TileKind } from "../cloud/templates.ts";
import { type Command, type Interface, path, type Property, type Telemetry } from "../model/interface.ts";
import type { Schema } from "../model/schema.ts";

/** What each kind of tile shows, in one word. */
export const NOUNS: Record<TileKind, string> = { value: "value", chart: "number", properties: "property", command: "command" };

/** What of a model a tile of each kind can show. */
export const FITTING: Record<TileKind, (model: Interface) => (Telemetry | Property | Command)[]> = {
  value: (model) => [...model.telemetry, ...model.properties],
  chart: (model) => model.telemetry.filter(isNumber),
  properties: (model) => model.properties,
  command: (model) => model.commands,
};

const NUMBERS: Schema["kind"][] = ["double", "float", "integer", "long"];

/** Whether a telemetry can be drawn. */
export function isNumber(telemetry: Telemetry): boolean {
  return NUMBERS.includes(telemetry.schema.kind);
}

/** The capability of this name, if it is among these. */
export function named<T extends { name: string; component: string | undefined }>(
  all: readonly T[] | undefined,
  capability: Capability,
): T | undefined {
  return all?.find((one) => path(one) === path(capability));
}

/** How a capability is called where components are told apart. */
export function label(capability: { title: string; component: string | undefined }): string {
  return capability.component ? `${capability.component} · ${capability.title}` : capability.title;
}

/** How a tile is called: its title, or what it shows. */
export function titleOf(tile: Tile, model: Interface): string {
  const fitting = FITTING[tile.kind](model);
  const titles = tile.shows.map((capability) => {
    const found = named(fitting, capability);
    return found ? label(found) : path(capability);
  });
  return tile.title ?? titles.join(", ");
}

/** A capability as a tile names it. */
export function reference({ component, name }: { component: string | undefined; name: string }): Capability {
  return component === undefined ? { name } : { component, name };
}
