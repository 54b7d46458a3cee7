import type { Tile, View } from "../cloud/templates.ts";
import type { Interface } from "../model/interface.ts";
import { COLUMNS, SIZES } from "./arrange.ts";
import { isNumber, reference } from "./shown.ts";

/** So many capabilities one tile may show. */
const SHOWN = 10;
/** So many tiles a view may have. */
const TILES = 60;

type Named = Parameters<typeof reference>[0];

/**
 * A view of everything a model has: first what the device itself says and does, then each component. What is a number is
 * drawn beside its last value; what else can only be read stands together; what can be set or called has a tile of its own.
 */
export function everything(model: Interface): Omit<View, "name"> {
  const all = [...model.telemetry, ...model.properties, ...model.commands];
  const components = new Set([undefined, ...all.map((one) => one.component)]);
  return { tiles: [...components].flatMap((component) => ofComponent(model, component)).slice(0, TILES) };
}

function ofComponent(model: Interface, component: string | undefined): Tile[] {
  const mine = <T extends Named>(all: T[]) => all.filter((one) => one.component === component);
  const telemetry = mine(model.telemetry);
  const properties = mine(model.properties);
  const numbers = telemetry.filter(isNumber);
  const readable = [...telemetry.filter((one) => !isNumber(one)), ...properties.filter((one) => !one.writable)];
  const together = chunks(readable).map((some) => tile("value", some));
  const below = numbers.length > 0 ? together.splice(0, 1) : [];
  return [
    ...numbers.flatMap((one, index) => drawn(one, index === 0 ? below : [])),
    ...halves([
      ...together,
      ...properties.filter((one) => one.writable).map((one) => tile("properties", [one])),
      ...mine(model.commands).map((one) => tile("command", [one])),
    ]),
  ];
}

/** A number as a value and a chart of twice its height; below the value is room for something else. */
function drawn(number: Named, below: Tile[]): Tile[] {
  return [{ ...tile("value", [number]), rows: below.length > 0 ? 1 : 2 }, tile("chart", [number]), ...below];
}

/** Two tiles a row, and the last one the whole row if it is alone: what comes next begins on the left. */
function halves(tiles: Tile[]): Tile[] {
  const isAlone = (index: number) => index === tiles.length - 1 && index % 2 === 0;
  return tiles.map((tile, index) => ({ ...tile, columns: isAlone(index) ? COLUMNS : COLUMNS / 2 }));
}

function tile(kind: Tile["kind"], shows: Named[]): Tile {
  return { kind, shows: shows.map(reference), ...SIZES[kind] };
}

function chunks<T>(all: T[]): T[][] {
  return Array.from({ length: Math.ceil(all.length / SHOWN) }, (_, index) => all.slice(index * SHOWN, (index + 1) * SHOWN));
}
