import type { Version } from "../api/templates.ts";
import { Chip } from "../components/Chip.tsx";
import { formatCount, formatTime } from "../format.ts";
import type { TemplateDraft } from "./templateDraft.ts";

/** Published versions, newest first. */
export function Versions({ draft }: { draft: TemplateDraft }) {
  const versions = (draft.template.value?.versions ?? []).toReversed();
  return (
    <section class="card versions">
      <h2>Versions</h2>
      {versions.length === 0 && <p class="muted">Not published</p>}
      <ol>
        {versions.map((version, index) => (
          <li key={version.version}>
            <div>
              <strong>Version {version.version}</strong>{" "}
              {index === 0 && <Chip tone="success">Current</Chip>}
              <p class="muted">
                {formatTime(Date.parse(version.published))} · {summaryOf(version)}
              </p>
            </div>
            <button
              type="button"
              class="small"
              aria-label={`Copy version ${version.version} to draft`}
              onClick={() => (draft.views.value = version.views)}
            >
              Copy to draft
            </button>
          </li>
        ))}
      </ol>
    </section>
  );
}

function summaryOf({ views }: Version): string {
  const tiles = views.reduce((sum, view) => sum + view.tiles.length, 0);
  return `${formatCount(views.length, "view")}, ${formatCount(tiles, "tile")}`;
}
