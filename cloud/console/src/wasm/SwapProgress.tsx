import type { HostState } from "../api/host.ts";
import { Chip } from "../components/Chip.tsx";
import { Icon } from "../components/Icon.tsx";
import { formatBytes } from "../format.ts";
import { outcome, type Stage, stages } from "./stages.ts";
import type { SwapOperation } from "./swapOperation.ts";

/** Progress and outcome of a swap or rollback. */
export function SwapProgress({
  operation,
  state,
}: {
  operation: SwapOperation;
  state: HostState | undefined;
}) {
  const { file } = operation;
  const [steps, error] = [operation.steps.value, operation.error.value];
  const { tone, title } = outcome(steps, !file, error);
  return (
    <div class="swap-progress" role="status">
      <header class="card-header">
        <h3>
          {file ? file.name : "Rollback"}{" "}
          {file && <span class="muted">{formatBytes(file.size)}</span>}
        </h3>
        <Chip tone={tone}>{title}</Chip>
      </header>
      <ol class="stages">
        {stages(steps, !file, error, state).map((stage) => (
          <li key={stage.title} class={stage.state}>
            <Mark state={stage.state} />
            <div>
              <strong>{stage.title}</strong>
              <p class="muted">{stage.detail || "\u00a0"}</p>
            </div>
          </li>
        ))}
      </ol>
    </div>
  );
}

function Mark({ state }: { state: Stage["state"] }) {
  const icon = state === "done" ? "check" : state === "failed" ? "close" : undefined;
  return <span class="stage-icon">{icon && <Icon name={icon} />}</span>;
}
