import { acknowledging } from "../cloud/acknowledgment.ts";
import { asObject, type Json, type JsonObject } from "../json.ts";
import { keep } from "./keep.ts";

/** Changes of one property kept. */
const LIMIT = 1000;

/** A value from a moment on; nothing if there is none from then on. */
export interface Step {
  readonly at: number;
  readonly value: number | undefined;
}

/** What a device aims for: numbers it has accepted, by property. */
export class Targets {
  private readonly steps = new Map<string, Step[]>();

  /** The changes of a property, in order. */
  of(path: string): readonly Step[] {
    return this.steps.get(path) ?? [];
  }

  /** What the device says it aims for. */
  report(patch: JsonObject, at: number): void {
    for (const [path, reported] of properties(patch)) {
      const answer = acknowledging(reported);
      // A device that refuses a value aims for what it did before.
      if (answer && Number(answer["ac"]) >= 300) continue;
      this.aim(path, answer ? answer["value"] : reported, at);
    }
  }

  /** What an operator wants: nothing is aimed for that is not wanted any more, whether or not the device says so. */
  desire(patch: JsonObject, at: number): void {
    for (const [path, desired] of properties(patch)) if (desired === null) this.aim(path, desired, at);
  }

  private aim(path: string, aimed: Json | undefined, at: number): void {
    const value = typeof aimed === "number" ? aimed : undefined;
    const steps = this.steps.get(path) ?? [];
    if (value === undefined && steps.at(-1)?.value === undefined) return;
    this.steps.set(path, steps);
    keep(steps, { at, value }, LIMIT);
  }
}

/** The properties in a patch by their paths, those of components included. */
function properties(patch: JsonObject): [string, Json][] {
  return Object.entries(patch).flatMap(([name, value]): [string, Json][] => {
    const component = asObject(value);
    if (component?.["__t"] !== "c") return [[name, value]];
    return Object.entries(component).map(([inner, of]) => [`${name}.${inner}`, of]);
  });
}
