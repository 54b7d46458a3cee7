import type { HostState, Step, Version } from "../cloud/host.ts";
import type { Tone } from "../part/Chip.tsx";
import { count, shortHash, span } from "../words.ts";

/** A part of the way of a swap. */
export interface Stage {
  readonly title: string;
  readonly state: "waiting" | "doing" | "done" | "failed";
  readonly detail: string;
}

/** What became of a swap. */
export interface Outcome {
  readonly tone: Tone;
  readonly title: string;
}

/** The way of a swap: each part ends with a step, and is under way before it. */
const WAY: { title: string; step: Step["step"]; doing: string }[] = [
  { title: "Compile and check", step: "prepared", doing: "The host compiles it and sees whether it fits." },
  { title: "Take over", step: "begun", doing: "It waits for the call in hand." },
  { title: "Probation", step: "accepted", doing: "It has to work for a while, and one of its messages has to arrive." },
];
const WAY_BACK: typeof WAY = [{ title: "Go back", step: "rolled-back", doing: "The version before takes over." }];

/** How far a swap, or a roll-back, has come. `trouble` is why nothing more is told. */
export function stages(steps: readonly Step[], isRollBack: boolean, trouble: string | undefined, state: HostState | undefined): Stage[] {
  const way = isRollBack ? WAY_BACK : WAY;
  const done = way.map((part) => steps.find((step) => step.step === part.step));
  const current = done.indexOf(undefined);
  const end = steps.findLast(isEnd);
  return way.map(({ title, doing }, index) => {
    const step = done[index];
    if (step) return { title, state: "done", detail: told(step) };
    if (index > current) return { title, state: "waiting", detail: "" };
    if (end?.step === "same") return { title, state: "waiting", detail: told(end) };
    if (end || trouble) return { title, state: "failed", detail: end ? told(end) : (trouble ?? "") };
    return { title, state: "doing", detail: (title === "Probation" && left(state)) || doing };
  });
}

/** What is left of a probation; nothing if there is none. */
export function left(state: HostState | undefined): string | undefined {
  if (typeof state !== "object" || !("probation" in state)) return undefined;
  const { secondsLeft, eventsLeft } = state.probation;
  if (secondsLeft <= 0 && eventsLeft <= 0) return "One of its messages has yet to arrive.";
  const parts = [secondsLeft > 0 && `${Math.ceil(secondsLeft)} s`, eventsLeft > 0 && count(eventsLeft, "event")];
  return `${parts.filter(Boolean).join(" and ")} left.`;
}

const OUTCOMES: Partial<Record<Step["step"], Outcome>> = {
  accepted: { tone: "good", title: "Accepted" },
  refused: { tone: "bad", title: "Refused" },
  replaced: { tone: "wait", title: "Replaced" },
  same: { tone: "quiet", title: "Runs already" },
  "rolled-back": { tone: "bad", title: "Rolled back" },
};

/** What became of it, as far as it is known. */
export function outcome(steps: readonly Step[], isRollBack: boolean, trouble: string | undefined): Outcome {
  const end = steps.findLast(isEnd);
  if (end?.step === "rolled-back" && isRollBack) return { tone: "good", title: "Rolled back" };
  const known = end && OUTCOMES[end.step];
  if (known) return known;
  if (!trouble) return { tone: "accent", title: "Under way" };
  return { tone: "bad", title: steps.length > 0 ? "Unknown" : "Not begun" };
}

/** Whether what was asked for runs: trying it again would change nothing. */
export function isSettled(steps: readonly Step[]): boolean {
  return steps.some(({ step }) => step === "accepted" || step === "same");
}

/** A version with the beginning of its hash. */
export function named(version: Version): string {
  return `${version.name} ${version.version} · ${shortHash(version.sha256)}`;
}

function isEnd(step: Step): boolean {
  return step.step in OUTCOMES;
}

/** A step in words. */
export function told(step: Step): string {
  const reason = step.reason ?? "";
  switch (step.step) {
    case "prepared":
      return step.version ? named(step.version) : "";
    case "begun":
      return `The device paused for ${span(step.pauseMs ?? 0)}.`;
    case "accepted":
      return "It stays.";
    case "same":
      return "It is what runs already, so nothing happens.";
    case "rolled-back":
      return [step.instead && `${named(step.instead)} runs again.`, sentence(reason)].filter(Boolean).join(" ");
    default:
      return sentence(reason);
  }
}

/** The name of a file stays as it is. */
function sentence(text: string): string {
  if (!text) return "";
  const begun = /^\S+\.wasm\b/.test(text) ? text : `${text.charAt(0).toUpperCase()}${text.slice(1)}`;
  return `${begun}${/[.!?]$/.test(text) ? "" : "."}`;
}
