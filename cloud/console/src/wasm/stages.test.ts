import assert from "node:assert/strict";
import { test } from "node:test";
import type { SwapStep } from "../api/host.ts";
import { outcome, probationRemaining, stages } from "./stages.ts";

const VERSION = {
  name: "thermostat",
  version: "0.2.0",
  sha256: "4403c5d2d6fc52732a703e74f6881641",
};
const step = (step: SwapStep["step"], more: Partial<SwapStep> = {}): SwapStep => ({
  step,
  time: "2026-11-26T03:25:55Z",
  version: VERSION,
  ...more,
});
const states = (steps: SwapStep[], trouble?: string) =>
  stages(steps, false, trouble, undefined).map((stage) => stage.state);

test("a swap goes on part by part until it is accepted", () => {
  const all = [
    step("requested"),
    step("prepared"),
    step("started", { pauseMs: 1.085 }),
    step("accepted"),
  ];
  assert.deepEqual(states([]), ["active", "pending", "pending"]);
  assert.deepEqual(states(all.slice(0, 2)), ["done", "active", "pending"]);
  assert.deepEqual(states(all.slice(0, 3)), ["done", "done", "active"]);
  assert.deepEqual(states(all), ["done", "done", "done"]);
  assert.equal(stages(all, false, undefined, undefined)[0]?.detail, "thermostat 0.2.0 · 4403c5d2");
  assert.deepEqual(
    [outcome(all.slice(0, 3), false, undefined).title, outcome(all, false, undefined).title],
    ["In progress", "Accepted"],
  );
});

test("a version that is refused, withdrawn or lost sight of says so where it happened", () => {
  const rejected = [step("requested"), step("rejected", { reason: "it is quarantined" })];
  assert.deepEqual(states(rejected), ["failed", "pending", "pending"]);
  assert.equal(stages(rejected, false, undefined, undefined)[0]?.detail, "It is quarantined.");
  const rolledBack = [
    step("prepared"),
    step("started"),
    step("rolled-back", { reason: "it failed", rolledBackTo: VERSION }),
  ];
  assert.deepEqual(states(rolledBack), ["done", "done", "failed"]);
  assert.equal(
    stages(rolledBack, false, undefined, undefined)[2]?.detail,
    "Rolled back to thermostat 0.2.0 · 4403c5d2. It failed.",
  );
  assert.deepEqual(states([step("prepared")], "the host does not answer"), [
    "done",
    "failed",
    "pending",
  ]);
  assert.deepEqual(
    [outcome([], false, "no answer").title, outcome([step("requested")], false, "no answer").title],
    ["Not started", "Unknown"],
  );
  assert.deepEqual(states([step("prepared"), step("unchanged")]), ["done", "pending", "pending"]);
});

test("a rollback is offered for swaps that end badly", () => {
  const back = [step("rolled-back", { rolledBackTo: VERSION })];
  assert.deepEqual(
    stages(back, true, undefined, undefined).map((stage) => stage.state),
    ["done"],
  );
  assert.deepEqual(
    [outcome(back, true, undefined).tone, outcome(back, false, undefined).tone],
    ["success", "danger"],
  );
});

function onProbation(remainingMs: number, remainingEvents: number) {
  return {
    state: "probation",
    probation: { remainingMs, remainingEvents },
    suspension: null,
  } as const;
}

test("what is left of a probation is told as long as there is one", () => {
  assert.equal(probationRemaining(onProbation(20_200, 1)), "21 s and 1 event remaining.");
  assert.equal(probationRemaining(onProbation(0, 3)), "3 events remaining.");
  assert.equal(probationRemaining(onProbation(0, 0)), "Waiting for an acknowledged message.");
  const accepted = { state: "accepted", probation: null, suspension: null } as const;
  assert.equal(probationRemaining(accepted), undefined);
});
