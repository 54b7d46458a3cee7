import type { ComponentProps } from "preact";
import type { Tile } from "../cloud/templates.ts";

type Props = Omit<ComponentProps<"article">, "class"> & { tile: Tile; class?: string };

/** The place of a tile in a view, as large as it is to be. */
export function TileFrame({ tile, class: more = "", ...attributes }: Props) {
  return (
    <article {...attributes} class={`card view-tile ${more}`} data-kind={tile.kind} data-columns={tile.columns} data-rows={tile.rows} />
  );
}
