import { useState } from "preact/hooks";
import { deleteDevice } from "../api/devices.ts";
import { Dialog } from "../components/Dialog.tsx";
import { ErrorMessage } from "../components/States.tsx";
import { errorMessage } from "../components/hooks.ts";

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
    <Dialog title="Delete this device?" onClose={onClose}>
      <p>
        <strong>{device}</strong> loses its connection, its twin and its enrolment. What it has sent stays among the events.
      </p>
      {error && <ErrorMessage>{error}</ErrorMessage>}
      <footer>
        <button type="button" class="danger" onClick={() => void confirm()}>Delete</button>
        <button type="button" onClick={onClose}>Keep</button>
      </footer>
    </Dialog>
  );
}
