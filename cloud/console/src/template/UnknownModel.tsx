import { useCallback, useState } from "preact/hooks";
import { addModel } from "../api/models.ts";
import { FileDrop } from "../components/FileDrop.tsx";
import { errorMessage } from "../components/hooks.ts";
import { ErrorMessage } from "../components/States.tsx";
import { formatCount } from "../format.ts";

interface Props {
  id: string;
  /** Number of devices with this model; `undefined` on the page of a device. */
  devices?: number;
}

/** Notice of a model that the cloud does not have, with a drop zone for its DTDL file. */
export function UnknownModel({ id, devices }: Props) {
  const [failure, setFailure] = useState<{ file: string; reason: string }>();
  const upload = useCallback(
    async (file: File) => {
      setFailure(undefined);
      await addModel(id, file).catch((error: unknown) =>
        setFailure({ file: file.name, reason: errorMessage(error) }),
      );
    },
    [id],
  );
  return (
    <section class="card unknown-model" aria-label={`Unknown model ${id}`}>
      <div>
        <h2>Unknown model {id}</h2>
        <p class="muted">
          Announced by {announcedBy(devices)}. Upload its DTDL file to get names, units, forms and
          views.
        </p>
      </div>
      <FileDrop accept=".json,application/json" onFile={upload}>
        <span>
          <strong>Drop the DTDL file (.json) here</strong>, or choose a file
        </span>
        <span class="muted">One interface, or an array with its dependencies.</span>
      </FileDrop>
      {failure && (
        <ErrorMessage>
          Cannot upload <strong>{failure.file}</strong>: {failure.reason}
        </ErrorMessage>
      )}
    </section>
  );
}

function announcedBy(devices: number | undefined): string {
  if (devices === undefined) return "the device";
  return devices === 0 ? "no device" : formatCount(devices, "device");
}
