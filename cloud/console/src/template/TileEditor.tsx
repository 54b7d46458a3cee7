import { useState } from "preact/hooks";
import type { Tile } from "../api/templates.ts";
import { Icon, type IconName } from "../components/Icon.tsx";
import type { Interface } from "../model/interface.ts";
import { tileTitle } from "../view/capabilities.ts";
import { COLUMNS, MAX_ROWS, resizeTile } from "../view/layout.ts";
import { TileContent } from "../view/TileContent.tsx";
import { TileFrame } from "../view/TileFrame.tsx";
import type { Preview } from "./preview.ts";
import type { TileAction } from "./tileActions.ts";

interface Props {
  tile: Tile;
  index: number;
  /** Number of tiles in the view. */
  count: number;
  model: Interface;
  preview: Preview;
  isDragged: boolean;
  onDrag: (index: number | undefined) => void;
  onDrop: () => void;
  onMove: (by: number, action: TileAction) => void;
  onResize: (tile: Tile) => void;
  onEdit: () => void;
  onRemove: () => void;
}

const ACTION_TITLES = {
  earlier: "Move backward",
  later: "Move forward",
  narrower: "Narrower",
  wider: "Wider",
  shorter: "Shorter",
  taller: "Taller",
} as const;

/** Preview of a tile with its toolbar. */
export function TileEditor(props: Props) {
  const { tile, index, model, preview, isDragged, onDrag, onDrop } = props;
  const [isOver, setOver] = useState(false);
  const title = tileTitle(tile, model);
  const onDragStart = (event: DragEvent) => {
    // Firefox starts no drag without data.
    event.dataTransfer?.setData("text/plain", title);
    onDrag(index);
  };
  const onDragOver = (event: DragEvent) => {
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
      onDragStart={onDragStart}
      onDragOver={onDragOver}
      onDragLeave={() => setOver(false)}
      onDrop={drop}
      onDragEnd={() => onDrag(undefined)}
    >
      <TileToolbar {...props} title={title} />
      <div class="preview" inert key={preview.device}>
        <TileContent tile={tile} {...preview} device={preview.device ?? ""} />
      </div>
    </TileFrame>
  );
}

function TileToolbar({
  tile,
  index,
  count,
  title,
  onMove,
  onResize,
  onEdit,
  onRemove,
}: Props & { title: string }) {
  const button = (
    action: keyof typeof ACTION_TITLES,
    icon: IconName,
    isEnabled: boolean,
    act: () => void,
  ) => (
    // aria-disabled keeps the focus; disabled would lose it while the button is pressed repeatedly.
    <button
      type="button"
      class="subtle small"
      key={action}
      data-action={action}
      aria-disabled={!isEnabled}
      aria-label={`${ACTION_TITLES[action]}: ${title}`}
      title={ACTION_TITLES[action]}
      onClick={() => isEnabled && act()}
    >
      <Icon name={icon} />
    </button>
  );
  return (
    <header class="tile-toolbar">
      <Icon name="grip" />
      <div class="layout-buttons" role="group" aria-label={`Layout of ${title}`}>
        {button("earlier", "back", index > 0, () => onMove(-1, "earlier"))}
        {button("later", "forward", index < count - 1, () => onMove(1, "later"))}
        {button("narrower", "narrower", tile.columns > 1, () =>
          onResize(resizeTile(tile, { columns: -1 })),
        )}
        {button("wider", "wider", tile.columns < COLUMNS, () =>
          onResize(resizeTile(tile, { columns: 1 })),
        )}
        {button("shorter", "shorter", tile.rows > 1, () =>
          onResize(resizeTile(tile, { rows: -1 })),
        )}
        {button("taller", "taller", tile.rows < MAX_ROWS, () =>
          onResize(resizeTile(tile, { rows: 1 })),
        )}
      </div>
      <button
        type="button"
        class="subtle small"
        aria-label={`Edit ${title}`}
        title="Edit"
        onClick={onEdit}
      >
        <Icon name="pencil" />
      </button>
      <button
        type="button"
        class="subtle small"
        data-action="remove"
        aria-label={`Remove ${title}`}
        title="Remove"
        onClick={onRemove}
      >
        <Icon name="close" />
      </button>
    </header>
  );
}
