import { useCallback, useState } from "preact/hooks";
import type { HostStatus, Leave } from "../cloud/host.ts";
import { FilePlace } from "../part/FilePlace.tsx";
import { RollBack } from "./RollBack.tsx";
import { isSettled } from "./stages.ts";
import { SwapProgress } from "./SwapProgress.tsx";
import { beginSwap, newest } from "./swapping.ts";

/** What a swap may do, and how `host swap` calls it. */
const LEAVES: { name: keyof Leave; title: string; option: string }[] = [
  { name: "force", title: "Take it even if it was withdrawn before", option: "--force" },
  { name: "freshState", title: "Begin without the state there is", option: "--fresh-state" },
  { name: "allowModelChange", title: "Take it even if it has another model", option: "--allow-model-change" },
];

/** Lets another version take over, or goes back to the one before. */
export function SwapCard({ status }: { status: HostStatus }) {
  const [leave, setLeave] = useState<Leave>({ force: false, freshState: false, allowModelChange: false });
  const [isAsking, setAsking] = useState(false);
  const swapping = newest.value;
  const take = useCallback((file: File) => beginSwap(file, leave), [leave]);
  const hasEarlier = Boolean(status.fallback ?? status.previous);
  return (
    <section class="card swap-card">
      <header class="half">
        <h2>Swap</h2>
        <button type="button" class="small" disabled={!hasEarlier} onClick={() => setAsking(true)}
          title={hasEarlier ? undefined : "There is no earlier version to go back to"}>
          Roll back…
        </button>
      </header>
      <FilePlace accept=".wasm,application/wasm" anywhere onFile={take}>
        <span><strong>Drop a .wasm here</strong>, or choose a file</span>
        <span class="faint">It takes over between two calls, without losing the connection.</span>
      </FilePlace>
      <div class="leaves">
        {LEAVES.map(({ name, title, option }) => (
          <label class="check" key={name} title={option}>
            <input type="checkbox" checked={leave[name]} onChange={(event) => setLeave({ ...leave, [name]: event.currentTarget.checked })} />
            {title}
          </label>
        ))}
      </div>
      {swapping && <SwapProgress swapping={swapping} state={status.state} />}
      {swapping?.file && swapping.isOver.value && !isSettled(swapping.steps.value) && (
        <button type="button" class="small" onClick={() => swapping.file && take(swapping.file)}>Try {swapping.file.name} again</button>
      )}
      {isAsking && <RollBack status={status} onClose={() => setAsking(false)} />}
    </section>
  );
}
