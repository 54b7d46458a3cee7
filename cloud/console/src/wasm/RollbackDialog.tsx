import type { HostStatus } from "../api/host.ts";
import { Dialog } from "../components/Dialog.tsx";
import { versionLabel } from "./stages.ts";
import { startRollback } from "./swapOperation.ts";

/** Dialog that confirms a rollback. */
export function RollbackDialog({ status, onClose }: { status: HostStatus; onClose: () => void }) {
  const target = status.fallback ?? status.previous;
  const confirm = () => {
    startRollback();
    onClose();
  };
  return (
    <Dialog title="Roll back?" onClose={onClose}>
      <p>
        Rolls back to {target && <strong>{versionLabel(target)}</strong>} and its state.{" "}
        {status.running && <strong>{versionLabel(status.running)}</strong>} will be quarantined.
      </p>
      <footer>
        <button type="button" class="danger" onClick={confirm}>
          Roll back
        </button>
        <button type="button" onClick={onClose}>
          Cancel
        </button>
      </footer>
    </Dialog>
  );
}
