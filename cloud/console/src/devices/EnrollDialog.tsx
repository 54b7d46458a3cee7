import { useState } from "preact/hooks";
import { enrollDevice } from "../api/devices.ts";
import { Dialog } from "../components/Dialog.tsx";
import { errorMessage } from "../components/hooks.ts";
import { ErrorMessage } from "../components/States.tsx";

/** Characters that Azure allows in a device id. */
const ID_PATTERN = "[A-Za-z0-9\\-:.+%_#*?!\\(\\),=@$']{1,128}";

/** Dialog that enrolls a new device. */
export function EnrollDialog({
  onClose,
  onDone,
}: {
  onClose: () => void;
  onDone: (device: string) => void;
}) {
  const [device, setDevice] = useState("");
  const [error, setError] = useState<string>();
  const submit = async (event: Event) => {
    event.preventDefault();
    setError(undefined);
    try {
      await enrollDevice(device);
      onDone(device);
    } catch (error) {
      setError(errorMessage(error));
    }
  };
  return (
    <Dialog title="Enroll a device" onClose={onClose}>
      <form onSubmit={(event) => void submit(event)}>
        <div class="field">
          <label for="device-id">Device ID</label>
          <input
            id="device-id"
            required
            autoFocus
            autoComplete="off"
            spellcheck={false}
            pattern={ID_PATTERN}
            title="1 to 128 letters, digits and -:.+%_#*?!(),=@$'"
            value={device}
            onInput={(event) => setDevice(event.currentTarget.value.trim())}
          />
          <p class="muted">
            Creates a DPS enrollment and a device identity with the same symmetric keys.
          </p>
        </div>
        {error && <ErrorMessage>{error}</ErrorMessage>}
        <footer>
          <button type="submit" class="primary">
            Enroll
          </button>
        </footer>
      </form>
    </Dialog>
  );
}
