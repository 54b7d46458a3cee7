import { useCallback, useState } from "preact/hooks";
import { addModel } from "../cloud/models.ts";
import { FilePlace } from "../part/FilePlace.tsx";
import { Trouble } from "../part/State.tsx";
import { inWords } from "../part/use.ts";
import { count } from "../words.ts";

interface Props {
  id: string;
  /** How many have announced it; nothing on the page of one that has. */
  devices?: number;
}

/** Says that the cloud does not know a model, and takes the file that tells it. */
export function UnknownModel({ id, devices }: Props) {
  const [refused, setRefused] = useState<{ file: string; why: string }>();
  const take = useCallback(async (file: File) => {
    setRefused(undefined);
    await addModel(id, file).catch((problem: unknown) => setRefused({ file: file.name, why: inWords(problem) }));
  }, [id]);
  return (
    <section class="card unknown-model" aria-label={`Unknown model ${id}`}>
      <div>
        <h2>The cloud does not know {id}</h2>
        <p class="faint">
          {announcedBy(devices)} announced it. Once the cloud has its DTDL, values get names and units, and forms and views can be made from it.
        </p>
      </div>
      <FilePlace accept=".json,application/json" onFile={take}>
        <span><strong>Drop its .json here</strong>, or choose a file</span>
        <span class="faint">An interface, or an array of it and those it needs.</span>
      </FilePlace>
      {refused && <Trouble><strong>{refused.file}</strong> was not taken: {refused.why}</Trouble>}
    </section>
  );
}

function announcedBy(devices: number | undefined): string {
  if (devices === undefined) return "The device has";
  if (devices === 0) return "No device has";
  return `${count(devices, "device")} ${devices === 1 ? "has" : "have"}`;
}
