import type { HostState, SwapStep, Version } from "../api/host.ts";
import type { Tone } from "../components/Chip.tsx";
import { formatCount, formatDuration, shortHash } from "../format.ts";

/** Stage of a swap. */
export interface Stage {
  readonly title: string;
  readonly state: "pending" | "active" | "done" | "failed";
  readonly detail: string;
}

/** Outcome of a swap. */
export interface Outcome {
  readonly tone: Tone;
  readonly title: string;
}

/** Stages of a swap; each is completed by a step, and in progress before it. */
const SWAP_STAGES: { title: string; step: SwapStep["step"]; doing: string }[] = [
  {
    title: "Compile and check",
    step: "prepared",
    doing: "The host compiles and checks the component.",
  },
  { title: "Swap", step: "started", doing: "Waiting for the current call to finish." },
  {
    title: "Probation",
    step: "accepted",
    doing: "Waiting for successful events and an acknowledged message.",
  },
];
const ROLLBACK_STAGES: typeof SWAP_STAGES = [
  { title: "Roll back", step: "rolled-back", doing: "Restoring the previous version." },
];

/**
 * Returns the progress of a swap or rollback. `error` is set if the stream of steps ended early.
 */
export function stages(
  steps: readonly SwapStep[],
  isRollback: boolean,
  error: string | undefined,
  state: HostState | undefined,
): Stage[] {
  const sequence = isRollback ? ROLLBACK_STAGES : SWAP_STAGES;
  const done = sequence.map((part) => steps.find((step) => step.step === part.step));
  const current = done.indexOf(undefined);
  const end = steps.findLast(isFinal);
  return sequence.map(({ title, doing }, index) => {
    const step = done[index];
    if (step) return { title, state: "done", detail: stepDetail(step) };
    if (index > current) return { title, state: "pending", detail: "" };
    if (end?.step === "unchanged") return { title, state: "pending", detail: stepDetail(end) };
    if (end || error)
      return { title, state: "failed", detail: end ? stepDetail(end) : (error ?? "") };
    return {
      title,
      state: "active",
      detail: (title === "Probation" && probationRemaining(state)) || doing,
    };
  });
}

/** Describes the rest of the probation, if there is one. */
export function probationRemaining(state: HostState | undefined): string | undefined {
  if (!state?.probation) return undefined;
  const { remainingMs, remainingEvents } = state.probation;
  if (remainingMs <= 0 && remainingEvents <= 0) return "Waiting for an acknowledged message.";
  const parts = [
    remainingMs > 0 && `${Math.ceil(remainingMs / 1000)} s`,
    remainingEvents > 0 && formatCount(remainingEvents, "event"),
  ];
  return `${parts.filter(Boolean).join(" and ")} remaining.`;
}

const OUTCOMES: Partial<Record<SwapStep["step"], Outcome>> = {
  accepted: { tone: "success", title: "Accepted" },
  rejected: { tone: "danger", title: "Rejected" },
  superseded: { tone: "warning", title: "Superseded" },
  unchanged: { tone: "neutral", title: "Already running" },
  "rolled-back": { tone: "danger", title: "Rolled back" },
};

/** Returns the outcome, as far as it is known. */
export function outcome(
  steps: readonly SwapStep[],
  isRollback: boolean,
  error: string | undefined,
): Outcome {
  const end = steps.findLast(isFinal);
  if (end?.step === "rolled-back" && isRollback) return { tone: "success", title: "Rolled back" };
  const known = end && OUTCOMES[end.step];
  if (known) return known;
  if (!error) return { tone: "info", title: "In progress" };
  return { tone: "danger", title: steps.length > 0 ? "Unknown" : "Not started" };
}

/** Returns true if the requested version is running, so that a retry would change nothing. */
export function isSettled(steps: readonly SwapStep[]): boolean {
  return steps.some(({ step }) => step === "accepted" || step === "unchanged");
}

/** Returns the name, version and short hash of a version. */
export function versionLabel(version: Version): string {
  return `${version.name} ${version.version} · ${shortHash(version.sha256)}`;
}

function isFinal(step: SwapStep): boolean {
  return step.step in OUTCOMES;
}

/** Returns the detail text of a step. */
export function stepDetail(step: SwapStep): string {
  const reason = step.reason ?? "";
  switch (step.step) {
    case "prepared":
      return step.version ? versionLabel(step.version) : "";
    case "started":
      return `Paused for ${formatDuration(step.pauseMs ?? 0)}.`;
    case "accepted":
      return "Probation passed.";
    case "unchanged":
      return "This version is already running.";
    case "rolled-back":
      return [
        step.rolledBackTo && `Rolled back to ${versionLabel(step.rolledBackTo)}.`,
        sentence(reason),
      ]
        .filter(Boolean)
        .join(" ");
    default:
      return sentence(reason);
  }
}

/** Turns a reason into a sentence; a leading file name keeps its case. */
function sentence(text: string): string {
  if (!text) return "";
  const capitalized = /^\S+\.wasm\b/.test(text)
    ? text
    : `${text.charAt(0).toUpperCase()}${text.slice(1)}`;
  return `${capitalized}${/[.!?]$/.test(text) ? "" : "."}`;
}
