import type { Tile, TileKind, View } from "../cloud/templates.ts";

/** How many columns a view has. */
export const COLUMNS = 4;
/** How many rows a tile may take. */
export const ROWS = 4;

/** The columns and rows of a tile that nobody has resized. */
export const SIZES: Record<TileKind, Pick<Tile, "columns" | "rows">> = {
  value: { columns: 1, rows: 1 },
  chart: { columns: 3, rows: 2 },
  properties: { columns: 2, rows: 1 },
  command: { columns: 2, rows: 1 },
};

/** A list in which one item has another place; those between move up. */
export function moved<T>(list: readonly T[], from: number, to: number): T[] {
  const rest = list.filter((_, index) => index !== from);
  return rest.toSpliced(to, 0, ...list.slice(from, from + 1));
}

/** A list in which one item is another, or none. */
export function replaced<T>(list: readonly T[], index: number, ...by: T[]): T[] {
  return list.toSpliced(index, 1, ...by);
}

/** A tile of another size, within what a view has room for. */
export function resized(tile: Tile, by: { columns?: number; rows?: number }): Tile {
  const within = (size: number, most: number) => Math.min(most, Math.max(1, size));
  return {
    ...tile,
    columns: within(tile.columns + (by.columns ?? 0), COLUMNS),
    rows: within(tile.rows + (by.rows ?? 0), ROWS),
  };
}

/** A name no view has yet: `wanted`, or that with a number. */
export function freeName(views: readonly View[], wanted: string): string {
  const taken = new Set(views.map((view) => view.name));
  for (let number = 2, name = wanted; ; number++) {
    if (!taken.has(name)) return name;
    name = `${wanted} ${number}`;
  }
}
