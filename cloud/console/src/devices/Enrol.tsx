import { useState } from "preact/hooks";
import { enrol } from "../cloud/devices.ts";
import { Dialog } from "../part/Dialog.tsx";
import { Trouble } from "../part/State.tsx";
import { inWords } from "../part/use.ts";

/** Letters, digits and what else Azure takes in a device id. */
const ID = "[A-Za-z0-9\\-:.+%_#*?!\\(\\),=@$']{1,128}";

/** Asks for the name of a new device, and lets it connect. */
export function Enrol({ onClose, onDone }: { onClose: () => void; onDone: (device: string) => void }) {
  const [device, setDevice] = useState("");
  const [trouble, setTrouble] = useState<string>();
  const submit = async (event: Event) => {
    event.preventDefault();
    setTrouble(undefined);
    try {
      await enrol(device);
      onDone(device);
    } catch (problem) {
      setTrouble(inWords(problem));
    }
  };
  return (
    <Dialog title="Add a device" onClose={onClose}>
      <form onSubmit={(event) => void submit(event)}>
        <div class="field">
          <label for="device-id">Device id</label>
          <input
            id="device-id"
            required
            autoFocus
            autoComplete="off"
            spellcheck={false}
            pattern={ID}
            title="1 to 128 letters, digits and -:.+%_#*?!(),=@$'"
            value={device}
            onInput={(event) => setDevice(event.currentTarget.value.trim())}
          />
          <p class="faint">It may provision, or connect with a connection string. Keys are made for it.</p>
        </div>
        {trouble && <Trouble>{trouble}</Trouble>}
        <footer>
          <button type="submit" class="primary">Add</button>
        </footer>
      </form>
    </Dialog>
  );
}
