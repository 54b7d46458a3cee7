import { asAcknowledgment } from "../api/propertyState.ts";
import { asObject, type Json, type JsonObject } from "../json.ts";
import { pushBounded } from "./boundedList.ts";

/** Maximum number of steps per property. */
const MAX_STEPS = 1000;

/** Value from a point in time on; `undefined` if there is no target. */
export interface TargetStep {
  readonly at: number;
  readonly value: number | undefined;
}

/** Targets of a device: numbers it has accepted, by property. */
export class Targets {
  private readonly steps = new Map<string, TargetStep[]>();

  /** Returns the steps of a property, in order. */
  of(path: string): readonly TargetStep[] {
    return this.steps.get(path) ?? [];
  }

  /** Applies a reported properties patch. */
  applyReported(patch: JsonObject, at: number): void {
    for (const [path, reported] of propertiesByPath(patch)) {
      const acknowledgment = asAcknowledgment(reported);
      // A rejected value leaves the target unchanged.
      if (acknowledgment && Number(acknowledgment.ac) >= 300) continue;
      this.set(path, acknowledgment ? acknowledgment.value : reported, at);
    }
  }

  /**
   * Applies a desired properties patch: a removed desired property ends its target, even if the
   * device does not respond.
   */
  applyDesired(patch: JsonObject, at: number): void {
    for (const [path, desired] of propertiesByPath(patch))
      if (desired === null) this.set(path, desired, at);
  }

  private set(path: string, target: Json | undefined, at: number): void {
    const value = typeof target === "number" ? target : undefined;
    const steps = this.steps.get(path) ?? [];
    if (value === undefined && steps.at(-1)?.value === undefined) return;
    this.steps.set(path, steps);
    pushBounded(steps, { at, value }, MAX_STEPS);
  }
}

/** Lists the properties of a patch by path, including those of components. */
function propertiesByPath(patch: JsonObject): [string, Json][] {
  return Object.entries(patch).flatMap(([name, value]): [string, Json][] => {
    const component = asObject(value);
    if (component?.__t !== "c") return [[name, value]];
    return Object.entries(component).map(([inner, of]) => [`${name}.${inner}`, of]);
  });
}
