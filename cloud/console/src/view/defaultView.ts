import type { Tile, View } from "../api/templates.ts";
import type { Interface } from "../model/interface.ts";
import { capabilityReference, isNumeric } from "./capabilities.ts";
import { COLUMNS, DEFAULT_SIZES } from "./layout.ts";

/** Maximum number of capabilities per tile. */
const MAX_CAPABILITIES = 10;
/** Maximum number of tiles per view. */
const MAX_TILES = 60;

type CapabilityName = Parameters<typeof capabilityReference>[0];

/**
 * Generates a view of all capabilities of a model: root component first, then each component.
 * Numeric telemetry gets a chart beside its last value; read-only properties share tiles; writable
 * properties and commands have a tile each.
 */
export function generateDefaultView(model: Interface): Omit<View, "name"> {
  const all = [...model.telemetry, ...model.properties, ...model.commands];
  const components = new Set([undefined, ...all.map((one) => one.component)]);
  return {
    tiles: [...components]
      .flatMap((component) => componentTiles(model, component))
      .slice(0, MAX_TILES),
  };
}

function componentTiles(model: Interface, component: string | undefined): Tile[] {
  const mine = <T extends CapabilityName>(all: T[]) =>
    all.filter((one) => one.component === component);
  const telemetry = mine(model.telemetry);
  const properties = mine(model.properties);
  const numbers = telemetry.filter(isNumeric);
  const readable = [
    ...telemetry.filter((one) => !isNumeric(one)),
    ...properties.filter((one) => !one.writable),
  ];
  const together = chunks(readable).map((some) => tile("value", some));
  const below = numbers.length > 0 ? together.splice(0, 1) : [];
  return [
    ...numbers.flatMap((one, index) => chartWithValue(one, index === 0 ? below : [])),
    ...inHalves([
      ...together,
      ...properties.filter((one) => one.writable).map((one) => tile("properties", [one])),
      ...mine(model.commands).map((one) => tile("command", [one])),
    ]),
  ];
}

/** Tiles of a numeric telemetry: value and chart; `below` fills the space under the value. */
function chartWithValue(number: CapabilityName, below: Tile[]): Tile[] {
  return [
    { ...tile("value", [number]), rows: below.length > 0 ? 1 : 2 },
    tile("chart", [number]),
    ...below,
  ];
}

/**
 * Lays out two tiles per row; a single last tile fills its row, so that the next component starts
 * on the left.
 */
function inHalves(tiles: Tile[]): Tile[] {
  const isAlone = (index: number) => index === tiles.length - 1 && index % 2 === 0;
  return tiles.map((tile, index) => ({ ...tile, columns: isAlone(index) ? COLUMNS : COLUMNS / 2 }));
}

function tile(kind: Tile["kind"], shows: CapabilityName[]): Tile {
  return { kind, shows: shows.map(capabilityReference), ...DEFAULT_SIZES[kind] };
}

function chunks<T>(all: T[]): T[][] {
  return Array.from({ length: Math.ceil(all.length / MAX_CAPABILITIES) }, (_, index) =>
    all.slice(index * MAX_CAPABILITIES, (index + 1) * MAX_CAPABILITIES),
  );
}
