import type { HostStatus } from "../cloud/host.ts";
import { Dialog } from "../part/Dialog.tsx";
import { named } from "./stages.ts";
import { beginRollBack } from "./swapping.ts";

/** Asks before the version before takes over again. */
export function RollBack({ status, onClose }: { status: HostStatus; onClose: () => void }) {
  const earlier = status.fallback ?? status.previous;
  const confirm = () => {
    beginRollBack();
    onClose();
  };
  return (
    <Dialog title="Roll back?" onClose={onClose}>
      <p>
        {earlier && <strong>{named(earlier)}</strong>} takes over again, with the state it had.{" "}
        {status.running && <strong>{named(status.running)}</strong>} is withdrawn, and not taken again unless it is forced.
      </p>
      <footer>
        <button type="button" class="danger" onClick={confirm}>Roll back</button>
        <button type="button" onClick={onClose}>Keep</button>
      </footer>
    </Dialog>
  );
}
