import type { TemplateDraft } from "./templateDraft.ts";

/**
 * Notice shown when the template was changed by another session, with both ways to resolve the
 * conflict.
 */
export function ConflictNotice({ draft }: { draft: TemplateDraft }) {
  if (!draft.hasConflict.value) return null;
  return (
    <section class="notice conflict" role="alert">
      <div>
        <h2>This template was changed in another session</h2>
        <p>Your changes are still on this page. They are neither saved nor published.</p>
      </div>
      <div class="toolbar">
        <button type="button" disabled={draft.isBusy.value} onClick={() => void draft.discard()}>
          Discard my changes
        </button>
        <button type="button" disabled={draft.isBusy.value} onClick={() => void draft.overwrite()}>
          Overwrite
        </button>
      </div>
    </section>
  );
}
