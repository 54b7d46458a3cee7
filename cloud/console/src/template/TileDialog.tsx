import { useId, useState } from "preact/hooks";
import type { Capability, Tile, TileKind } from "../cloud/templates.ts";
import { type Interface, path } from "../model/interface.ts";
import { Dialog } from "../part/Dialog.tsx";
import { SIZES } from "../view/arrange.ts";
import { FITTING, label, named, reference } from "../view/shown.ts";

const KINDS: { kind: TileKind; title: string; about: string }[] = [
  { kind: "value", title: "Last value", about: "What was last sent or reported." },
  { kind: "chart", title: "Chart", about: "Numbers over time, with targets and swaps." },
  { kind: "properties", title: "Property form", about: "What the device reports, and a form for what can be set." },
  { kind: "command", title: "Command", about: "A form that runs it, and the answer." },
];

interface Props {
  model: Interface;
  /** Nothing for a new one. */
  tile: Tile | undefined;
  onDone: (tile: Tile) => void;
  onClose: () => void;
}

/** Asks what a tile shows, and how. */
export function TileDialog({ model, tile, onDone, onClose }: Props) {
  const id = useId();
  const [kind, setKind] = useState<TileKind>(tile?.kind ?? "value");
  const [shows, setShows] = useState<readonly Capability[]>(tile?.shows ?? []);
  const [title, setTitle] = useState(tile?.title ?? "");
  const choose = (kind: TileKind) => {
    setKind(kind);
    setShows(shows.filter((one) => named(FITTING[kind](model), one)).slice(0, kind === "command" ? 1 : undefined));
  };
  const submit = (event: Event) => {
    event.preventDefault();
    const size = tile && tile.kind === kind ? { columns: tile.columns, rows: tile.rows } : SIZES[kind];
    onDone({ kind, ...(title.trim() ? { title: title.trim() } : {}), shows, ...size });
  };
  return (
    <Dialog title={tile ? "Change the tile" : "Add a tile"} onClose={onClose}>
      <form class="tile-form" onSubmit={submit}>
        <div class="segments" role="group" aria-label="Kind of tile">
          {KINDS.map((one) => (
            <button type="button" key={one.kind} aria-pressed={kind === one.kind} disabled={FITTING[one.kind](model).length === 0}
              onClick={() => choose(one.kind)}>
              {one.title}
            </button>
          ))}
        </div>
        <p class="faint">{KINDS.find((one) => one.kind === kind)?.about}</p>
        <Choices model={model} kind={kind} shows={shows} onShows={setShows} />
        <div class="field">
          <label for={id}>Title, if it needs one</label>
          <input id={id} value={title} maxLength={100} autoComplete="off" onInput={(event) => setTitle(event.currentTarget.value)} />
        </div>
        <footer>
          <button type="submit" class="primary" disabled={shows.length === 0}>{tile ? "Change" : "Add"}</button>
          <button type="button" onClick={onClose}>Cancel</button>
        </footer>
      </form>
    </Dialog>
  );
}

interface ChoicesProps {
  model: Interface;
  kind: TileKind;
  shows: readonly Capability[];
  onShows: (shows: readonly Capability[]) => void;
}

/** What there is to show; a tile of a command shows one. */
function Choices({ model, kind, shows, onShows }: ChoicesProps) {
  const fitting = FITTING[kind](model);
  const gone = shows.filter((one) => !named(fitting, one)).map((one) => ({ ...one, component: one.component, title: `${one.name} (not in the model)` }));
  const isOne = kind === "command";
  const toggle = (capability: Capability) => {
    if (isOne) return onShows([capability]);
    const others = shows.filter((one) => path(one) !== path(capability));
    onShows(others.length < shows.length ? others : [...shows, capability]);
  };
  return (
    <fieldset class="choices">
      <legend>Shows</legend>
      {[...fitting, ...gone].map((one) => (
        <label class="check" key={path(one)}>
          <input type={isOne ? "radio" : "checkbox"} name="shows" checked={shows.some((shown) => path(shown) === path(one))}
            onChange={() => toggle(reference(one))} />
          <span>{label(one)} <code class="faint">{path(one)}</code></span>
        </label>
      ))}
    </fieldset>
  );
}
