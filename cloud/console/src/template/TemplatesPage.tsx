import { useEffect, useState } from "preact/hooks";
import { announced } from "../cloud/announced.ts";
import { additions, modelIds } from "../cloud/models.ts";
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

/** How the devices of each model are shown. */
export function TemplatesPage() {
  const [shown, setShown] = useState(FIRST);
  const asked = useAsked(all, [additions.value]);
  usePaced(usePopulation(), PACE, asked.again);
  useEffect(() => {
    document.title = "Templates · Local cloud";
  }, []);
  const known = asked.value?.filter((row) => row.isKnown) ?? [];
  const unknown = asked.value?.filter((row) => !row.isKnown) ?? [];
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
      {known.length > 0 && <TemplateTable rows={known.slice(0, shown)} />}
      {unknown.slice(0, shown).map((row) => <UnknownModel key={row.model} id={row.model} devices={row.devices} />)}
      {Math.max(known.length, unknown.length) > shown && (
        <button type="button" onClick={() => setShown(shown + FIRST)}>Show more ({count(known.length + unknown.length, "model")} in all)</button>
      )}
      {asked.value?.length === 0 && (
        <Empty title="No device has announced a model yet.">A model appears here with the first device that announces it.</Empty>
      )}
    </>
  );
}

async function all(): Promise<Row[]> {
  return rows(...(await Promise.all([announced(), templates(), modelIds()])));
}
