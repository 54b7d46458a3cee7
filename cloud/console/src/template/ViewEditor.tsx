import { useState } from "preact/hooks";
import type { Tile, View } from "../api/templates.ts";
import { Icon } from "../components/Icon.tsx";
import { EmptyState } from "../components/States.tsx";
import type { Interface } from "../model/interface.ts";
import { devicePath } from "../route.ts";
import type { Preview } from "./preview.ts";
import { TileDialog } from "./TileDialog.tsx";
import { TileEditor } from "./TileEditor.tsx";
import { useTileActions } from "./tileActions.ts";

interface Props {
  view: View;
  model: Interface;
  preview: Preview;
  /** Replaces or removes the view. */
  onChange: (...by: View[]) => void;
}

/** Editor of a view: name and tiles. */
export function ViewEditor({ view, model, preview, onChange }: Props) {
  // Index of the tile in the dialog; the index after the last is a new tile.
  const [edited, setEdited] = useState<number>();
  const [dragged, setDragged] = useState<number>();
  const { grid, announcement, move, resize, remove, put } = useTileActions(view, model, onChange);
  const done = (index: number, tile: Tile) => {
    put(index, tile);
    setEdited(undefined);
  };
  return (
    <section class="view-editor" aria-label={`View ${view.name}`}>
      <div class="toolbar">
        <label class="view-name">
          Name
          <input
            value={view.name}
            maxLength={100}
            autoComplete="off"
            onInput={(event) => onChange({ ...view, name: event.currentTarget.value })}
          />
        </label>
        <button type="button" onClick={() => setEdited(view.tiles.length)}>
          <Icon name="plus" /> Add tile
        </button>
        <button type="button" class="danger" onClick={() => onChange()}>
          Delete view
        </button>
        <PreviewSource device={preview.device} />
      </div>
      {view.tiles.length === 0 && (
        <EmptyState title="No tiles">
          Add a value, a chart, a property form or a command.
        </EmptyState>
      )}
      <div class="view" ref={grid}>
        {view.tiles.map((tile, index) => (
          <TileEditor
            key={index}
            index={index}
            count={view.tiles.length}
            tile={tile}
            preview={preview}
            model={model}
            isDragged={dragged === index}
            onDrag={setDragged}
            onDrop={() => dragged !== undefined && move(dragged, index)}
            onMove={(by, action) => move(index, index + by, action)}
            onResize={(tile) => resize(index, tile)}
            onEdit={() => setEdited(index)}
            onRemove={() => remove(index)}
          />
        ))}
      </div>
      <p class="visually-hidden" role="status">
        {announcement}
      </p>
      {edited !== undefined && (
        <TileDialog
          model={model}
          tile={view.tiles[edited]}
          onSubmit={(tile) => done(edited, tile)}
          onClose={() => setEdited(undefined)}
        />
      )}
    </section>
  );
}

function PreviewSource({ device }: { device: string | undefined }) {
  if (device === undefined)
    return <p class="muted">No preview: no device has announced this model.</p>;
  return (
    <p class="muted">
      Preview device: <a href={devicePath(device)}>{device}</a>
    </p>
  );
}
