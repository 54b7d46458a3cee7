import type { Step } from "../cloud/host.ts";
import { Chip, type Tone } from "../part/Chip.tsx";
import { preciseClock, span } from "../words.ts";

const TONES: Record<string, Tone> = { accepted: "good", refused: "bad", "rolled-back": "bad", begun: "accent", same: "wait" };

/** The steps of a replacement, as they are told. */
export function Steps({ steps, isBusy }: { steps: Step[]; isBusy: boolean }) {
  return (
    <ol class="happenings steps" aria-live="polite">
      {steps.map((step, index) => (
        <li key={index}>
          {step.time && <time>{preciseClock(Date.parse(step.time))}</time>}
          <Chip tone={step.error ? "bad" : (TONES[step.step] ?? "quiet")}>{step.error ? "failed" : step.step}</Chip>
          <span>{told(step)}</span>
        </li>
      ))}
      {isBusy && <li class="faint">{steps.at(-1)?.step === "begun" ? "On probation…" : "Under way…"}</li>}
    </ol>
  );
}

function told(step: Step): string {
  const { version, pauseMs, reason, error } = step;
  const parts = [
    version && `${version.name} ${version.version}`,
    version?.sha256.slice(0, 8),
    pauseMs === undefined ? undefined : `pause ${span(pauseMs)}`,
    reason ?? error,
  ];
  return parts.filter(Boolean).join(" · ");
}
