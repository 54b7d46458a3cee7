import { useEffect, useState } from "preact/hooks";
import { Dialog } from "../part/Dialog.tsx";
import { askBeforeLeaving } from "../route.ts";
import type { Editing } from "./editing.ts";

/** Asks before what is arranged and not saved is lost. */
export function LeaveGuard({ editing }: { editing: Editing }) {
  const [leave, setLeave] = useState<() => void>();
  const isSaved = editing.isSaved.value;
  useEffect(() => (isSaved ? undefined : askBeforeLeaving((leave) => setLeave(() => leave))), [isSaved]);
  if (!leave) return null;
  const stay = () => setLeave(undefined);
  return (
    <Dialog title="Leave without saving?" onClose={stay}>
      <p>What you have arranged since it was last saved is lost.</p>
      <footer>
        <button type="button" class="danger" onClick={leave}>Leave</button>
        <button type="button" onClick={stay}>Stay</button>
      </footer>
    </Dialog>
  );
}
