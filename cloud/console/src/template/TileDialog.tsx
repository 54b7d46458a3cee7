import { useId, useState } from "preact/hooks";
import type { Capability, Tile, TileKind } from "../api/templates.ts";
import { Dialog } from "../components/Dialog.tsx";
import { capabilityPath, type Interface } from "../model/interface.ts";
import {
  capabilitiesFor,
  capabilityLabel,
  capabilityReference,
  findCapability,
} from "../view/capabilities.ts";
import { DEFAULT_SIZES } from "../view/layout.ts";

const TILE_KINDS: { kind: TileKind; title: string; description: string }[] = [
  { kind: "value", title: "Last known value", description: "Last value sent or reported." },
  {
    kind: "chart",
    title: "Line chart",
    description: "Numeric telemetry over time, with targets and swaps.",
  },
  {
    kind: "properties",
    title: "Property form",
    description: "Reported value, and a form for writable properties.",
  },
  {
    kind: "command",
    title: "Command",
    description: "Form that runs the command and shows its response.",
  },
];

interface Props {
  model: Interface;
  /** `undefined` for a new tile. */
  tile: Tile | undefined;
  onSubmit: (tile: Tile) => void;
  onClose: () => void;
}

/** Dialog that edits a tile. */
export function TileDialog({ model, tile, onSubmit, onClose }: Props) {
  const id = useId();
  const [kind, setKind] = useState<TileKind>(tile?.kind ?? "value");
  const [shows, setShows] = useState<readonly Capability[]>(tile?.shows ?? []);
  const [title, setTitle] = useState(tile?.title ?? "");
  const selectKind = (kind: TileKind) => {
    setKind(kind);
    setShows(
      shows
        .filter((one) => findCapability(capabilitiesFor[kind](model), one))
        .slice(0, kind === "command" ? 1 : undefined),
    );
  };
  const submit = (event: Event) => {
    event.preventDefault();
    const size =
      tile && tile.kind === kind ? { columns: tile.columns, rows: tile.rows } : DEFAULT_SIZES[kind];
    onSubmit({ kind, ...(title.trim() ? { title: title.trim() } : {}), shows, ...size });
  };
  return (
    <Dialog title={tile ? "Edit tile" : "Add tile"} onClose={onClose}>
      <form class="tile-form" onSubmit={submit}>
        <div class="segments" role="group" aria-label="Tile type">
          {TILE_KINDS.map((one) => (
            <button
              type="button"
              key={one.kind}
              aria-pressed={kind === one.kind}
              disabled={capabilitiesFor[one.kind](model).length === 0}
              onClick={() => selectKind(one.kind)}
            >
              {one.title}
            </button>
          ))}
        </div>
        <p class="muted">{TILE_KINDS.find((one) => one.kind === kind)?.description}</p>
        <Choices model={model} kind={kind} shows={shows} onChange={setShows} />
        <div class="field">
          <label for={id}>Title (optional)</label>
          <input
            id={id}
            value={title}
            maxLength={100}
            autoComplete="off"
            onInput={(event) => setTitle(event.currentTarget.value)}
          />
        </div>
        <footer>
          <button type="submit" class="primary" disabled={shows.length === 0}>
            {tile ? "Update" : "Add"}
          </button>
          <button type="button" onClick={onClose}>
            Cancel
          </button>
        </footer>
      </form>
    </Dialog>
  );
}

interface ChoicesProps {
  model: Interface;
  kind: TileKind;
  shows: readonly Capability[];
  onChange: (shows: readonly Capability[]) => void;
}

/** Selection of capabilities; a command tile shows one. */
function Choices({ model, kind, shows, onChange }: ChoicesProps) {
  const fitting = capabilitiesFor[kind](model);
  const missing = shows
    .filter((one) => !findCapability(fitting, one))
    .map((one) => ({ ...one, component: one.component, title: `${one.name} (not in the model)` }));
  const isSingle = kind === "command";
  const toggle = (capability: Capability) => {
    if (isSingle) return onChange([capability]);
    const others = shows.filter((one) => capabilityPath(one) !== capabilityPath(capability));
    onChange(others.length < shows.length ? others : [...shows, capability]);
  };
  return (
    <fieldset class="choices">
      <legend>Capabilities</legend>
      {[...fitting, ...missing].map((one) => (
        <label class="check" key={capabilityPath(one)}>
          <input
            type={isSingle ? "radio" : "checkbox"}
            name="shows"
            checked={shows.some((shown) => capabilityPath(shown) === capabilityPath(one))}
            onChange={() => toggle(capabilityReference(one))}
          />
          <span>
            {capabilityLabel(one)} <code class="muted">{capabilityPath(one)}</code>
          </span>
        </label>
      ))}
    </fieldset>
  );
}
