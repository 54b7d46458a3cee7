import type { Capability, Tile, TileKind } from "../api/templates.ts";
import {
  type Command,
  capabilityPath,
  type Interface,
  type Property,
  type Telemetry,
} from "../model/interface.ts";
import type { Schema } from "../model/schema.ts";

/** Noun for the capability of each kind of tile. */
export const CAPABILITY_NOUNS: Record<TileKind, string> = {
  value: "capability",
  chart: "numeric telemetry",
  properties: "property",
  command: "command",
};

/** Capabilities that each kind of tile can show. */
export const capabilitiesFor: Record<
  TileKind,
  (model: Interface) => (Telemetry | Property | Command)[]
> = {
  value: (model) => [...model.telemetry, ...model.properties],
  chart: (model) => model.telemetry.filter(isNumeric),
  properties: (model) => model.properties,
  command: (model) => model.commands,
};

const NUMERIC_KINDS: Schema["kind"][] = ["double", "float", "integer", "long"];

/** Returns true if a telemetry can be charted. */
export function isNumeric(telemetry: Telemetry): boolean {
  return NUMERIC_KINDS.includes(telemetry.schema.kind);
}

/** Finds a capability by name and component. */
export function findCapability<T extends { name: string; component: string | undefined }>(
  all: readonly T[] | undefined,
  capability: Capability,
): T | undefined {
  return all?.find((one) => capabilityPath(one) === capabilityPath(capability));
}

/** Returns the title of a capability, with its component. */
export function capabilityLabel(capability: {
  title: string;
  component: string | undefined;
}): string {
  return capability.component ? `${capability.component} · ${capability.title}` : capability.title;
}

/** Returns the title of a tile; the titles of its capabilities by default. */
export function tileTitle(tile: Tile, model: Interface): string {
  const fitting = capabilitiesFor[tile.kind](model);
  const titles = tile.shows.map((capability) => {
    const found = findCapability(fitting, capability);
    return found ? capabilityLabel(found) : capabilityPath(capability);
  });
  return tile.title ?? titles.join(", ");
}

/** Returns the reference of a capability, as stored in a tile. */
export function capabilityReference({
  component,
  name,
}: {
  component: string | undefined;
  name: string;
}): Capability {
  return component === undefined ? { name } : { component, name };
}
