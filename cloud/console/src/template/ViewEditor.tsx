import { useState } from "preact/hooks";
import type { Tile, View } from "../cloud/templates.ts";
import type { Interface } from "../model/interface.ts";
import { Icon } from "../part/Icon.tsx";
import { Empty } from "../part/State.tsx";
import { deviceAddress } from "../route.ts";
import { useArranging } from "./arranging.ts";
import type { Preview } from "./preview.ts";
import { TileDialog } from "./TileDialog.tsx";
import { TileEditor } from "./TileEditor.tsx";

interface Props {
  view: View;
  model: Interface;
  preview: Preview;
  /** Puts another in its place, or none. */
  onChange: (...by: View[]) => void;
}

/** One view: its name, and its tiles with what arranges them. */
export function ViewEditor({ view, model, preview, onChange }: Props) {
  // The tile that is asked about; the place after the last is that of a new one.
  const [asking, setAsking] = useState<number>();
  const [dragged, setDragged] = useState<number>();
  const { grid, told, move, resize, remove, put } = useArranging(view, model, onChange);
  const done = (index: number, tile: Tile) => {
    put(index, tile);
    setAsking(undefined);
  };
  return (
    <section class="view-editor" aria-label={`View ${view.name}`}>
      <div class="bar">
        <label class="view-name">
          Name
          <input value={view.name} maxLength={100} autoComplete="off" onInput={(event) => onChange({ ...view, name: event.currentTarget.value })} />
        </label>
        <button type="button" onClick={() => setAsking(view.tiles.length)}><Icon name="plus" /> Add a tile</button>
        <button type="button" class="danger" onClick={() => onChange()}>Remove this view</button>
        <PreviewLine device={preview.device} />
      </div>
      {view.tiles.length === 0 && <Empty title="Nothing is on this view yet.">Add a tile: a value, a chart, a property form or a command.</Empty>}
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
            onEdit={() => setAsking(index)}
            onRemove={() => remove(index)}
          />
        ))}
      </div>
      <p class="unseen" role="status">{told}</p>
      {asking !== undefined && (
        <TileDialog model={model} tile={view.tiles[asking]} onDone={(tile) => done(asking, tile)} onClose={() => setAsking(undefined)} />
      )}
    </section>
  );
}

function PreviewLine({ device }: { device: string | undefined }) {
  if (device === undefined) return <p class="faint">No device has announced this model: the tiles are empty.</p>;
  return <p class="faint">With the values of <a href={deviceAddress(device)}>{device}</a></p>;
}
