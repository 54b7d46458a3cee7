import { useEffect, useState } from "preact/hooks";
import { announced } from "../cloud/announced.ts";
import { additions, models } from "../cloud/models.ts";
import { templates } from "../cloud/templates.ts";
import { Empty, Skeleton, Trouble } from "../part/State.tsx";
import { useAsked, usePaced } from "../part/use.ts";
import { count } from "../words.ts";
import { usePopulation } from "./population.ts";
import { type Row, rows } from "./rows.ts";
import { TemplateTable } from "./TemplateTable.tsx";
import { UnknownModel } from "./UnknownModel.tsx";

/** Models shown at first. */
const FIRST = 100;
/** Milliseconds between two questions for the list, however often it changes. */
const PACE = 300;

const NOTHING: All = { known: [], unknown: [], broken: [] };

/** How the devices of each model are shown. */
export function TemplatesPage() {
  const [shown, setShown] = useState(FIRST);
  const asked = useAsked(all, [additions.value]);
  usePaced(usePopulation(), PACE, asked.again);
  useEffect(() => {
    document.title = "Templates · Local cloud";
  }, []);
  const { known, unknown, broken } = asked.value ?? NOTHING;
  return (
    <>
      <div class="head">
        <div>
          <h1>Templates</h1>
          <p class="faint">What devices of a model are looked at through: views that are arranged here, and seen on each device once they are published.</p>
        </div>
      </div>
      {asked.trouble && <Trouble>{asked.trouble}</Trouble>}
      {!asked.value && !asked.trouble && <Skeleton lines={3} />}
      {broken.length > 0 && <Broken files={broken} />}
      {known.length > 0 && <TemplateTable rows={known.slice(0, shown)} />}
      {unknown.slice(0, shown).map((row) => <UnknownModel key={row.model} id={row.model} devices={row.devices} />)}
      {Math.max(known.length, unknown.length) > shown && (
        <button type="button" onClick={() => setShown(shown + FIRST)}>Show more ({count(known.length + unknown.length, "model")} in all)</button>
      )}
      {asked.value && known.length + unknown.length === 0 && (
        <Empty title="No device has announced a model yet.">A model appears here with the first device that announces it.</Empty>
      )}
    </>
  );
}

interface All {
  readonly known: Row[];
  readonly unknown: Row[];
  readonly broken: string[];
}

async function all(): Promise<All> {
  const [devices, made, { ids, broken }] = await Promise.all([announced(), templates(), models()]);
  const every = rows(devices, made, new Set(ids));
  return { known: every.filter((row) => row.isKnown), unknown: every.filter((row) => !row.isKnown), broken };
}

/** What of the directory of models cannot be used. */
function Broken({ files }: { files: string[] }) {
  return (
    <section class="notice">
      <h2>{count(files.length, "file")} of the directory of models cannot be used</h2>
      <ul>{files.map((file) => <li key={file}>{file}</li>)}</ul>
    </section>
  );
}
