import { useState } from "preact/hooks";
import { remove } from "../cloud/devices.ts";
import { Dialog } from "../part/Dialog.tsx";
import { Trouble } from "../part/State.tsx";
import { inWords } from "../part/use.ts";

/** Asks before a device is removed. */
export function RemoveDevice({ device, onClose }: { device: string; onClose: () => void }) {
  const [trouble, setTrouble] = useState<string>();
  const confirm = async () => {
    try {
      await remove(device);
      onClose();
    } catch (problem) {
      setTrouble(inWords(problem));
    }
  };
  return (
    <Dialog title="Delete this device?" onClose={onClose}>
      <p>
        <strong>{device}</strong> loses its connection, its twin and its enrolment. What it has sent stays among the events.
      </p>
      {trouble && <Trouble>{trouble}</Trouble>}
      <footer>
        <button type="button" class="danger" onClick={() => void confirm()}>Delete</button>
        <button type="button" onClick={onClose}>Keep</button>
      </footer>
    </Dialog>
  );
}
