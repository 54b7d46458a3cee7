import { useCallback, useState } from "preact/hooks";
import { addModel } from "../api/models.ts";
import { FileDrop } from "../components/FileDrop.tsx";
import { ErrorMessage } from "../components/States.tsx";
import { errorMessage } from "../components/hooks.ts";
import { formatCount } from "../format.ts";

interface Props {
  id: string;
  /** Number of devices with this model; `undefined` on the page of a device. */
  devices?: number;
}

/** Notice of a model that the cloud does not have, with a drop zone for its DTDL file. */
export function UnknownModel({ id, devices }: Props) {
  const [failure, setFailure] = useState<{ file: string; reason: string }>();
  const upload = useCallback(async (file: File) => {
    setFailure(undefined);
    await addModel(id, file).catch((error: unknown) => setFailure({ file: file.name, reason: errorMessage(error) }));
  }, [id]);
  return (
    <section class="card unknown-model" aria-label={`Unknown model ${id}`}>
      <div>
        <h2>The cloud does not know {id}</h2>
        <p class="muted">
          {reportedBy(devices)} announced it. Once the cloud has its DTDL, values get names and units, and forms and views can be made from it.
        </p>
      </div>
      <FileDrop accept=".json,application/json" onFile={upload}>
        <span><strong>Drop its .json here</strong>, or choose a file</span>
        <span class="muted">An interface, or an array of it and those it needs.</span>
      </FileDrop>
      {failure && <ErrorMessage><strong>{failure.file}</strong> was not taken: {failure.reason}</ErrorMessage>}
    </section>
  );
}

function reportedBy(devices: number | undefined): string {
  if (devices === undefined) return "The device has";
  if (devices === 0) return "No device has";
  return `${formatCount(devices, "device")} ${devices === 1 ? "has" : "have"}`;
}
