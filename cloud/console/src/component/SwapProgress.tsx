import type { HostState } from "../cloud/host.ts";
import { Chip } from "../part/Chip.tsx";
import { Icon } from "../part/Icon.tsx";
import { size } from "../words.ts";
import { outcome, type Stage, stages } from "./stages.ts";
import type { Swapping } from "./swapping.ts";

/** How far a swap has come, and what became of it. */
export function SwapProgress({ swapping, state }: { swapping: Swapping; state: HostState | undefined }) {
  const { file } = swapping;
  const [steps, trouble] = [swapping.steps.value, swapping.trouble.value];
  const { tone, title } = outcome(steps, !file, trouble);
  return (
    <div class="swapping" role="status">
      <header class="half">
        <h3>{file ? file.name : "Roll back"} {file && <span class="faint">{size(file.size)}</span>}</h3>
        <Chip tone={tone}>{title}</Chip>
      </header>
      <ol class="stages">
        {stages(steps, !file, trouble, state).map((stage) => (
          <li key={stage.title} class={stage.state}>
            <Mark state={stage.state} />
            <div><strong>{stage.title}</strong><p class="faint">{stage.detail || "\u00a0"}</p></div>
          </li>
        ))}
      </ol>
    </div>
  );
}

function Mark({ state }: { state: Stage["state"] }) {
  const icon = state === "done" ? "check" : state === "failed" ? "close" : undefined;
  return <span class="mark">{icon && <Icon name={icon} />}</span>;
}
