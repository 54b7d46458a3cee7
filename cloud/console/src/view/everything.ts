import type { Tile, View } from "../cloud/templates.ts";
import type { Interface } from "../model/interface.ts";
import { SIZES } from "./arrange.ts";
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
  const readable = [...telemetry.filter((one) => !isNumber(one)), ...properties.filter((one) => !one.writable)];
  return [
    ...numbers(telemetry.filter(isNumber), readable),
    ...properties.filter((one) => one.writable).map((one) => tile("properties", [one])),
    ...mine(model.commands).map((one) => tile("command", [one])),
  ];
}

/** Each number is a value and a chart of twice its height; below the first value is room for what can only be read. */
function numbers(telemetry: Named[], readable: Named[]): Tile[] {
  const rest = chunks(readable).map((some) => tile("value", some));
  const charts = telemetry.flatMap((one, index) => {
    const below = index === 0 ? rest.splice(0, 1) : [];
    const value = { ...tile("value", [one]), rows: below.length > 0 ? 1 : 2 };
    return [value, tile("chart", [one]), ...below];
  });
  return [...charts, ...rest.map((one) => ({ ...one, columns: 2 }))];
}

function tile(kind: Tile["kind"], shows: Named[]): Tile {
  return { kind, shows: shows.map(reference), ...SIZES[kind] };
}

function chunks<T>(all: T[]): T[][] {
  return Array.from({ length: Math.ceil(all.length / SHOWN) }, (_, index) => all.slice(index * SHOWN, (index + 1) * SHOWN));
}
