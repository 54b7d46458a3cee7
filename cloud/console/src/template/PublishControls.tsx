import { Chip } from "../components/Chip.tsx";
import { devicePath } from "../route.ts";
import type { TemplateDraft } from "./templateDraft.ts";

interface Props {
  draft: TemplateDraft;
  /** Device on which the view can be opened. */
  device: string | undefined;
  view: string | undefined;
}

/** Save and publish buttons, with the state of the draft. */
export function PublishControls({ draft, device, view }: Props) {
  const isBusy = draft.isBusy.value;
  const canOpen = draft.isPublished.value && view !== undefined && device !== undefined;
  return (
    <div class="actions-end">
      {canOpen && <a href={devicePath(device, { view })}>Open on {device}</a>}
      <span role="status">
        <PublishState draft={draft} />
      </span>
      <button
        type="button"
        disabled={isBusy || draft.isSaved.value}
        onClick={() => void draft.save()}
      >
        Save
      </button>
      <button
        type="button"
        class="primary"
        disabled={isBusy || draft.isPublished.value}
        onClick={() => void draft.publish()}
      >
        Publish
      </button>
    </div>
  );
}

function PublishState({ draft }: { draft: TemplateDraft }) {
  const latest = draft.latest.value;
  if (!draft.isSaved.value) return <Chip tone="warning">Unsaved changes</Chip>;
  if (!draft.isPublished.value) return <Chip tone="info">Draft saved</Chip>;
  return latest ? (
    <Chip tone="success">Version {latest.version} published</Chip>
  ) : (
    <Chip tone="neutral">Not published</Chip>
  );
}
