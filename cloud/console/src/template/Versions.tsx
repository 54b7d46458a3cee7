import type { Version } from "../cloud/templates.ts";
import { Chip } from "../part/Chip.tsx";
import { clock, count } from "../words.ts";
import type { Editing } from "./editing.ts";

/** What was published, the newest first. */
export function Versions({ editing }: { editing: Editing }) {
  const versions = (editing.template.value?.versions ?? []).toReversed();
  return (
    <section class="card versions">
      <h2>Versions</h2>
      {versions.length === 0 && <p class="faint">Nothing is published yet: on devices there are no views to see.</p>}
      <ol>
        {versions.map((version, index) => (
          <li key={version.version}>
            <div>
              <strong>Version {version.version}</strong> {index === 0 && <Chip tone="good">Seen by everyone</Chip>}
              <p class="faint">{clock(Date.parse(version.published))} · {contents(version)}</p>
            </div>
            <button type="button" class="small" aria-label={`Take version ${version.version} into the draft`}
              onClick={() => (editing.views.value = version.views)}>
              Take into the draft
            </button>
          </li>
        ))}
      </ol>
    </section>
  );
}

function contents({ views }: Version): string {
  const tiles = views.reduce((sum, view) => sum + view.tiles.length, 0);
  return `${count(views.length, "view")}, ${count(tiles, "tile")}`;
}
