import { useCallback, useState } from "preact/hooks";
import type { HostStatus, SwapOptions } from "../api/host.ts";
import { FileDrop } from "../components/FileDrop.tsx";
import { RollbackDialog } from "./RollbackDialog.tsx";
import { SwapProgress } from "./SwapProgress.tsx";
import { isSettled } from "./stages.ts";
import { currentSwap, startSwap } from "./swapOperation.ts";

/** Options of a swap, with the option of `host swap`. */
const OPTIONS: { name: keyof SwapOptions; title: string; option: string }[] = [
  { name: "force", title: "Accept a quarantined version", option: "--force" },
  { name: "freshState", title: "Start with empty state", option: "--fresh-state" },
  { name: "allowModelChange", title: "Accept another model", option: "--allow-model-change" },
];

/** Drop zone that swaps in another version, and a rollback button. */
export function SwapCard({ status }: { status: HostStatus }) {
  const [options, setOptions] = useState<SwapOptions>({
    force: false,
    freshState: false,
    allowModelChange: false,
  });
  const [isConfirming, setConfirming] = useState(false);
  const operation = currentSwap.value;
  const swap = useCallback((file: File) => startSwap(file, options), [options]);
  const canRollBack = Boolean(status.fallback ?? status.previous);
  return (
    <section class="card swap-card">
      <header class="card-header">
        <h2>Swap</h2>
        <button
          type="button"
          class="small"
          disabled={!canRollBack}
          onClick={() => setConfirming(true)}
          title={canRollBack ? undefined : "No previous version"}
        >
          Roll back…
        </button>
      </header>
      <FileDrop accept=".wasm,application/wasm" anywhere onFile={swap}>
        <span>
          <strong>Drop a component (.wasm) here</strong>, or choose a file
        </span>
        <span class="muted">Swapped in between two calls. The device stays connected.</span>
      </FileDrop>
      <div class="swap-options">
        {OPTIONS.map(({ name, title, option }) => (
          <label class="check" key={name} title={option}>
            <input
              type="checkbox"
              checked={options[name]}
              onChange={(event) => setOptions({ ...options, [name]: event.currentTarget.checked })}
            />
            {title}
          </label>
        ))}
      </div>
      {operation && <SwapProgress operation={operation} state={status} />}
      {operation?.file && operation.isFinished.value && !isSettled(operation.steps.value) && (
        <button type="button" class="small" onClick={() => operation.file && swap(operation.file)}>
          Retry {operation.file.name}
        </button>
      )}
      {isConfirming && <RollbackDialog status={status} onClose={() => setConfirming(false)} />}
    </section>
  );
}
