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
        <h2>Somebody else has changed this template meanwhile</h2>
        <p>What you have arranged is still on this page, but it is not saved, and not published.</p>
      </div>
      <div class="toolbar">
        <button type="button" disabled={draft.isBusy.value} onClick={() => void draft.discard()}>Show theirs, and drop mine</button>
        <button type="button" disabled={draft.isBusy.value} onClick={() => void draft.overwrite()}>Save mine over theirs</button>
      </div>
    </section>
  );
}
