import type { RefObject } from "preact";
import { useLayoutEffect, useRef, useState } from "preact/hooks";
import type { Tile, View } from "../api/templates.ts";
import type { Interface } from "../model/interface.ts";
import { tileTitle } from "../view/capabilities.ts";
import { moveItem, replaceItem } from "../view/layout.ts";

/** Action of a toolbar button. */
export type TileAction =
  | "earlier"
  | "later"
  | "narrower"
  | "wider"
  | "shorter"
  | "taller"
  | "remove";

/** Actions on the tiles of a view. */
export interface TileActions {
  /** Grid element. */
  readonly grid: RefObject<HTMLDivElement | null>;
  /** Description of the last action for screen readers. */
  readonly announcement: string;
  /** Moves a tile; `action` is set if a toolbar button was pressed. */
  readonly move: (from: number, to: number, action?: TileAction) => void;
  readonly resize: (index: number, tile: Tile) => void;
  readonly remove: (index: number) => void;
  /** Replaces a tile, or appends it. */
  readonly put: (index: number, tile: Tile) => void;
}

/** Returns the actions on the tiles of a view; they keep the focus on the pressed button. */
export function useTileActions(
  view: View,
  model: Interface,
  onChange: (view: View) => void,
): TileActions {
  const [announcement, setAnnouncement] = useState("");
  const grid = useRef<HTMLDivElement>(null);
  const nextFocus = useRef<{ index: number; action: TileAction } | undefined>(undefined);
  const { tiles } = view;
  const apply = (tiles: Tile[], announcement: string) => {
    setAnnouncement(announcement);
    onChange({ ...view, tiles });
  };
  // The focus follows a moved tile, and passes on to the next tile when one is removed.
  useLayoutEffect(() => {
    const { index, action } = nextFocus.current ?? {};
    grid.current
      ?.querySelector<HTMLElement>(`[data-tile="${index}"] [data-action="${action}"]`)
      ?.focus();
    nextFocus.current = undefined;
  }, [tiles]);
  return {
    grid,
    announcement,
    move: (from, to, action) => {
      const tile = tiles[from];
      if (!tile || to < 0 || to >= tiles.length) return;
      if (action) nextFocus.current = { index: to, action };
      apply(
        moveItem(tiles, from, to),
        `Moved ${tileTitle(tile, model)} to position ${to + 1} of ${tiles.length}.`,
      );
    },
    resize: (index, tile) => {
      apply(
        replaceItem(tiles, index, tile),
        `Resized ${tileTitle(tile, model)} to ${tile.columns} × ${tile.rows}.`,
      );
    },
    remove: (index) => {
      nextFocus.current = { index: Math.min(index, tiles.length - 2), action: "remove" };
      apply(replaceItem(tiles, index), `Removed a tile. ${tiles.length - 1} left.`);
    },
    put: (index, tile) =>
      apply(
        replaceItem(tiles, index, tile),
        `Saved ${tileTitle(tile, model)} at position ${index + 1}.`,
      ),
  };
}
