import type { ComponentProps } from "preact";
import type { Tile } from "../api/templates.ts";

type Props = Omit<ComponentProps<"article">, "class"> & { tile: Tile; class?: string };

/** Frame of a tile, with its size in the grid. */
export function TileFrame({ tile, class: more = "", ...attributes }: Props) {
  return (
    <article
      {...attributes}
      class={`card view-tile ${more}`}
      data-kind={tile.kind}
      data-columns={tile.columns}
      data-rows={tile.rows}
    />
  );
}
