import { useLayoutEffect, useRef, useState } from "preact/hooks";
import type { Tile, View } from "../cloud/templates.ts";
import type { Interface } from "../model/interface.ts";
import { Icon } from "../part/Icon.tsx";
import { Empty } from "../part/State.tsx";
import { deviceAddress } from "../route.ts";
import { moved, replaced } from "../view/arrange.ts";
import { titleOf } from "../view/shown.ts";
import type { Preview } from "./preview.ts";
import { TileDialog } from "./TileDialog.tsx";
import { type Action, TileEditor } from "./TileEditor.tsx";

interface Props {
  view: View;
  model: Interface;
  preview: Preview;
  /** Puts another in its place, or none. */
  onChange: (...by: View[]) => void;
}

/** One view: its name, and its tiles with what arranges them. */
export function ViewEditor({ view, model, preview, onChange }: Props) {
  const [asking, setAsking] = useState<number | "new">();
  const [dragged, setDragged] = useState<number>();
  const [told, setTold] = useState("");
  const grid = useRef<HTMLDivElement>(null);
  const pressed = useRef<{ index: number; action: Action } | undefined>(undefined);
  const arrange = (tiles: Tile[]) => onChange({ ...view, tiles });
  // A tile takes the button that was pressed along to its new place, and one that goes leaves it to the next: the key can be
  // pressed again.
  useLayoutEffect(() => {
    const { index, action } = pressed.current ?? {};
    grid.current?.querySelector<HTMLElement>(`[data-tile="${index}"] [data-action="${action}"]`)?.focus();
    pressed.current = undefined;
  }, [view.tiles]);
  const move = (from: number, to: number, action?: Action) => {
    const tile = view.tiles[from];
    if (!tile || to < 0 || to >= view.tiles.length) return;
    if (action) pressed.current = { index: to, action };
    setTold(`${titleOf(tile, model)} is tile ${to + 1} of ${view.tiles.length}.`);
    arrange(moved(view.tiles, from, to));
  };
  const resize = (index: number, tile: Tile) => {
    setTold(`${titleOf(tile, model)} is ${tile.columns} wide and ${tile.rows} high.`);
    arrange(replaced(view.tiles, index, tile));
  };
  const remove = (index: number, tile: Tile) => {
    pressed.current = { index: Math.min(index, view.tiles.length - 2), action: "remove" };
    setTold(`${titleOf(tile, model)} is removed.`);
    arrange(replaced(view.tiles, index));
  };
  const put = (tile: Tile) => {
    arrange(asking === "new" ? [...view.tiles, tile] : replaced(view.tiles, asking ?? 0, tile));
    setAsking(undefined);
  };
  return (
    <section class="view-editor" aria-label={`View ${view.name}`}>
      <div class="bar">
        <label class="view-name">
          Name
          <input value={view.name} maxLength={100} autoComplete="off" onInput={(event) => onChange({ ...view, name: event.currentTarget.value })} />
        </label>
        <button type="button" onClick={() => setAsking("new")}><Icon name="plus" /> Add a tile</button>
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
            onRemove={() => remove(index, tile)}
          />
        ))}
      </div>
      <p class="unseen" role="status">{told}</p>
      {asking !== undefined && (
        <TileDialog model={model} tile={asking === "new" ? undefined : view.tiles[asking]} onDone={put} onClose={() => setAsking(undefined)} />
      )}
    </section>
  );
}

function PreviewLine({ device }: { device: string | undefined }) {
  if (device === undefined) return <p class="faint">No device has announced this model: the tiles are empty.</p>;
  return <p class="faint">With the values of <a href={deviceAddress(device)}>{device}</a></p>;
}
