import { useState } from "preact/hooks";
import { type Allowed, host, rollBack, type Step, swap } from "../cloud/host.ts";
import type { TabProps } from "../device/DevicePage.tsx";
import { Skeleton, Trouble } from "../part/State.tsx";
import { inWords, useAsked, usePaced } from "../part/use.ts";
import { DropZone } from "./DropZone.tsx";
import { Steps } from "./Steps.tsx";
import { VersionCard } from "./VersionCard.tsx";

/** Milliseconds between two looks at the host. */
const PACE = 1000;

/** The component that is the device's behaviour: what runs, and what may take its place. */
export function ComponentTab({ log }: TabProps) {
  const asked = useAsked(host, []);
  usePaced(log.changes, PACE, asked.again);
  const [steps, setSteps] = useState<Step[]>();
  const [trouble, setTrouble] = useState<string>();
  const [isBusy, setBusy] = useState(false);
  const follow = async (told: AsyncGenerator<Step>) => {
    setBusy(true);
    setTrouble(undefined);
    setSteps([]);
    try {
      for await (const step of told) setSteps((steps = []) => [...steps, step]);
    } catch (problem) {
      setTrouble(inWords(problem));
    }
    setBusy(false);
    asked.again();
  };
  const [allowed, setAllowed] = useState<Allowed>({ force: false, freshState: false, allowModelChange: false });
  const { value } = asked;
  if (!value) return asked.trouble ? <Trouble>{asked.trouble}</Trouble> : <Skeleton lines={4} />;
  const before = value.fallback ?? value.previous;
  return (
    <>
      <div class="columns">
        <VersionCard title="Runs now" version={value.running} state={value.state} />
        <VersionCard title="Ran before" version={before} state={undefined}>
          <button type="button" disabled={!before || isBusy} onClick={() => void follow(rollBack())}>Roll back to it</button>
        </VersionCard>
      </div>
      <section class="card">
        <h2>Swap</h2>
        <DropZone isBusy={isBusy} onFile={(file) => void follow(swap(file, allowed))} />
        <div class="bar options">
          {OPTIONS.map(({ name, title }) => (
            <label class="check" key={name}>
              <input type="checkbox" checked={allowed[name]} onChange={() => setAllowed({ ...allowed, [name]: !allowed[name] })} /> {title}
            </label>
          ))}
        </div>
        {trouble && <Trouble>{trouble}</Trouble>}
        {steps && <Steps steps={steps} isBusy={isBusy} />}
      </section>
      {value.quarantined.length > 0 && (
        <section class="card">
          <h2>Withdrawn, not taken again unless forced</h2>
          <ul>{value.quarantined.map((hash) => <li class="hash" key={hash}>{hash}</li>)}</ul>
        </section>
      )}
    </>
  );
}

const OPTIONS = [
  { name: "force", title: "Even if it was withdrawn before" },
  { name: "freshState", title: "Begin anew if it cannot read the record" },
  { name: "allowModelChange", title: "Even if its model is another" },
] as const;
