import { useEffect, useState } from "preact/hooks";
import { Dialog } from "../components/Dialog.tsx";
import { confirmBeforeLeaving } from "../route.ts";
import type { TemplateDraft } from "./templateDraft.ts";

/** Dialog that confirms leaving the page with unsaved changes. */
export function UnsavedChangesGuard({ draft }: { draft: TemplateDraft }) {
  const [leave, setLeave] = useState<() => void>();
  const isSaved = draft.isSaved.value;
  useEffect(
    () => (isSaved ? undefined : confirmBeforeLeaving((leave) => setLeave(() => leave))),
    [isSaved],
  );
  if (!leave) return null;
  const stay = () => setLeave(undefined);
  return (
    <Dialog title="Leave without saving?" onClose={stay}>
      <p>Unsaved changes will be lost.</p>
      <footer>
        <button type="button" class="danger" onClick={leave}>
          Leave
        </button>
        <button type="button" onClick={stay}>
          Stay
        </button>
      </footer>
    </Dialog>
  );
}
