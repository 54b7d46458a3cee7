import type { RefObject } from "preact";
import { useLayoutEffect, useRef, useState } from "preact/hooks";
import type { Tile, View } from "../cloud/templates.ts";
import type { Interface } from "../model/interface.ts";
import { moved, replaced } from "../view/arrange.ts";
import { titleOf } from "../view/shown.ts";

/** What a button of a tile does. */
export type Action = "earlier" | "later" | "narrower" | "wider" | "lower" | "taller" | "remove";

/** Ways to change the tiles of a view. */
export interface Arranging {
  /** Holds the tiles. */
  readonly grid: RefObject<HTMLDivElement | null>;
  /** What was done last, for who does not see it. */
  readonly told: string;
  /** `action` is that of the button that was pressed, if it was one. */
  readonly move: (from: number, to: number, action?: Action) => void;
  readonly resize: (index: number, tile: Tile) => void;
  readonly remove: (index: number) => void;
  /** Puts a tile in the place of another, or at the end. */
  readonly put: (index: number, tile: Tile) => void;
}

/** Changes the tiles of a view, and keeps the focus where the next key is pressed. */
export function useArranging(view: View, model: Interface, onChange: (view: View) => void): Arranging {
  const [told, setTold] = useState("");
  const grid = useRef<HTMLDivElement>(null);
  const next = useRef<{ index: number; action: Action } | undefined>(undefined);
  const { tiles } = view;
  const arrange = (tiles: Tile[], told: string) => {
    setTold(told);
    onChange({ ...view, tiles });
  };
  // A tile takes the button that was pressed along to its new place, and one that goes leaves it to the next.
  useLayoutEffect(() => {
    const { index, action } = next.current ?? {};
    grid.current?.querySelector<HTMLElement>(`[data-tile="${index}"] [data-action="${action}"]`)?.focus();
    next.current = undefined;
  }, [tiles]);
  return {
    grid,
    told,
    move: (from, to, action) => {
      const tile = tiles[from];
      if (!tile || to < 0 || to >= tiles.length) return;
      if (action) next.current = { index: to, action };
      arrange(moved(tiles, from, to), `${titleOf(tile, model)} is tile ${to + 1} of ${tiles.length}.`);
    },
    resize: (index, tile) => {
      arrange(replaced(tiles, index, tile), `${titleOf(tile, model)} is ${tile.columns} wide and ${tile.rows} high.`);
    },
    remove: (index) => {
      next.current = { index: Math.min(index, tiles.length - 2), action: "remove" };
      arrange(replaced(tiles, index), `${tiles.length - 1} of ${tiles.length} tiles are left.`);
    },
    put: (index, tile) => arrange(replaced(tiles, index, tile), `${titleOf(tile, model)} is tile ${index + 1}.`),
  };
}
