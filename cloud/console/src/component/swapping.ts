import { signal } from "@preact/signals";
import { type Leave, rollBack, type Step, swap } from "../cloud/host.ts";
import { inWords } from "../part/use.ts";

/** A swap or a roll-back that was asked for on this page. */
export class Swapping {
  /** What the host has told so far. */
  readonly steps = signal<readonly Step[]>([]);
  /** Why nothing more is told. */
  readonly trouble = signal<string>();
  readonly isOver = signal(false);

  /** Follows the steps. `file` is what is to take over; nothing for a roll-back. */
  constructor(readonly file: File | undefined, steps: AsyncGenerator<Step>) {
    void this.follow(steps);
  }

  private async follow(steps: AsyncGenerator<Step>): Promise<void> {
    try {
      for await (const step of steps) this.steps.value = [...this.steps.value, step];
    } catch (problem) {
      this.trouble.value = inWords(problem);
    }
    this.isOver.value = true;
  }
}

/** The newest; it goes on while other tabs are shown. */
export const newest = signal<Swapping>();

/** Lets a file take over. */
export function beginSwap(file: File, leave: Leave): void {
  newest.value = new Swapping(file, swap(file, leave));
}

/** Goes back to the version before. */
export function beginRollBack(): void {
  newest.value = new Swapping(undefined, rollBack());
}
