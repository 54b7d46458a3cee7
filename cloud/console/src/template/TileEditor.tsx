import { useState } from "preact/hooks";
import type { Tile } from "../cloud/templates.ts";
import type { Interface } from "../model/interface.ts";
import { Icon, type IconName } from "../part/Icon.tsx";
import { COLUMNS, resized, ROWS } from "../view/arrange.ts";
import { titleOf } from "../view/shown.ts";
import { TileContent } from "../view/TileContent.tsx";
import { TileFrame } from "../view/TileFrame.tsx";
import type { Action } from "./arranging.ts";
import type { Preview } from "./preview.ts";

interface Props {
  tile: Tile;
  index: number;
  /** How many tiles the view has. */
  count: number;
  model: Interface;
  preview: Preview;
  isDragged: boolean;
  onDrag: (index: number | undefined) => void;
  onDrop: () => void;
  onMove: (by: number, action: Action) => void;
  onResize: (tile: Tile) => void;
  onEdit: () => void;
  onRemove: () => void;
}

/** A tile as it will be, with what arranges it. */
export function TileEditor(props: Props) {
  const { tile, index, model, preview, isDragged, onDrag, onDrop } = props;
  const [isOver, setOver] = useState(false);
  const title = titleOf(tile, model);
  const begin = (event: DragEvent) => {
    // Without data Firefox drags nothing.
    event.dataTransfer?.setData("text/plain", title);
    onDrag(index);
  };
  const hold = (event: DragEvent) => {
    if (event.dataTransfer?.types.includes("Files")) return;
    event.preventDefault();
    setOver(true);
  };
  const drop = (event: DragEvent) => {
    event.preventDefault();
    setOver(false);
    onDrop();
  };
  return (
    <TileFrame
      tile={tile}
      class={[isDragged && "dragged", isOver && !isDragged && "over"].filter(Boolean).join(" ")}
      aria-label={title}
      data-tile={index}
      draggable
      onDragStart={begin}
      onDragOver={hold}
      onDragLeave={() => setOver(false)}
      onDrop={drop}
      onDragEnd={() => onDrag(undefined)}
    >
      <Arranging {...props} title={title} />
      <div class="preview" inert key={preview.device}>
        <TileContent tile={tile} {...preview} device={preview.device ?? ""} />
      </div>
    </TileFrame>
  );
}

function Arranging({ tile, index, count, title, onMove, onResize, onEdit, onRemove }: Props & { title: string }) {
  const step = (action: Action, icon: IconName, isPossible: boolean, act: () => void) => (
    // Not disabled where it is not possible: it would lose the focus in the middle of pressing.
    <button type="button" class="quiet small" key={action} data-action={action} aria-disabled={!isPossible}
      aria-label={`${name(action)}: ${title}`} title={name(action)} onClick={() => isPossible && act()}>
      <Icon name={icon} />
    </button>
  );
  return (
    <header class="arranging">
      <Icon name="grip" />
      <div class="steps" role="group" aria-label={`Arrange ${title}`}>
        {step("earlier", "back", index > 0, () => onMove(-1, "earlier"))}
        {step("later", "forward", index < count - 1, () => onMove(1, "later"))}
        {step("narrower", "narrower", tile.columns > 1, () => onResize(resized(tile, { columns: -1 })))}
        {step("wider", "wider", tile.columns < COLUMNS, () => onResize(resized(tile, { columns: 1 })))}
        {step("lower", "lower", tile.rows > 1, () => onResize(resized(tile, { rows: -1 })))}
        {step("taller", "taller", tile.rows < ROWS, () => onResize(resized(tile, { rows: 1 })))}
      </div>
      <button type="button" class="quiet small" aria-label={`Change ${title}`} title="Change" onClick={onEdit}><Icon name="pencil" /></button>
      <button type="button" class="quiet small" data-action="remove" aria-label={`Remove ${title}`} title="Remove" onClick={onRemove}>
        <Icon name="close" />
      </button>
    </header>
  );
}

function name(action: Action): string {
  return action.charAt(0).toUpperCase() + action.slice(1);
}
