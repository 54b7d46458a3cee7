import { useState } from "preact/hooks";
import { deleteDevice } from "../api/devices.ts";
import { Dialog } from "../components/Dialog.tsx";
import { errorMessage } from "../components/hooks.ts";
import { ErrorMessage } from "../components/States.tsx";

/** Dialog that confirms deleting a device. */
export function DeleteDialog({ device, onClose }: { device: string; onClose: () => void }) {
  const [error, setError] = useState<string>();
  const confirm = async () => {
    try {
      await deleteDevice(device);
      onClose();
    } catch (error) {
      setError(errorMessage(error));
    }
  };
  return (
    <Dialog title="Delete device?" onClose={onClose}>
      <p>
        Deletes <strong>{device}</strong> with its twin and its enrollment, and closes its
        connection. Its past events are kept.
      </p>
      {error && <ErrorMessage>{error}</ErrorMessage>}
      <footer>
        <button type="button" class="danger" onClick={() => void confirm()}>
          Delete
        </button>
        <button type="button" onClick={onClose}>
          Cancel
        </button>
      </footer>
    </Dialog>
  );
}
