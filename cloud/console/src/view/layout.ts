import type { Tile, TileKind, View } from "../api/templates.ts";

/** Columns of a view. */
export const COLUMNS = 4;
/** Maximum rows of a tile. */
export const MAX_ROWS = 4;

/** Default size of each kind of tile. */
export const DEFAULT_SIZES: Record<TileKind, Pick<Tile, "columns" | "rows">> = {
  value: { columns: 1, rows: 1 },
  chart: { columns: 3, rows: 2 },
  properties: { columns: 2, rows: 1 },
  command: { columns: 2, rows: 1 },
};

/** Returns a list with one item moved. */
export function moveItem<T>(list: readonly T[], from: number, to: number): T[] {
  const rest = list.filter((_, index) => index !== from);
  return rest.toSpliced(to, 0, ...list.slice(from, from + 1));
}

/** Returns a list with one item replaced or removed. */
export function replaceItem<T>(list: readonly T[], index: number, ...by: T[]): T[] {
  return list.toSpliced(index, 1, ...by);
}

/** Returns a tile with another size, within the limits of a view. */
export function resizeTile(tile: Tile, by: { columns?: number; rows?: number }): Tile {
  const within = (size: number, most: number) => Math.min(most, Math.max(1, size));
  return {
    ...tile,
    columns: within(tile.columns + (by.columns ?? 0), COLUMNS),
    rows: within(tile.rows + (by.rows ?? 0), MAX_ROWS),
  };
}

/** Returns a name that no view has: `preferred`, with a number if needed. */
export function uniqueName(views: readonly View[], preferred: string): string {
  const taken = new Set(views.map((view) => view.name));
  for (let number = 2, name = preferred; ; number++) {
    if (!taken.has(name)) return name;
    name = `${preferred} ${number}`;
  }
}
