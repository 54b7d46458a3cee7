import { signal } from "@preact/signals";
import { requestRollback, requestSwap, type SwapOptions, type SwapStep } from "../api/host.ts";
import { errorMessage } from "../components/hooks.ts";

/** Swap or rollback started on this page. */
export class SwapOperation {
  /** Steps so far. */
  readonly steps = signal<readonly SwapStep[]>([]);
  /** Reason why the stream of steps ended early. */
  readonly error = signal<string>();
  readonly isFinished = signal(false);

  /** Follows the steps. `file` is the component to swap in; `undefined` for a rollback. */
  constructor(
    readonly file: File | undefined,
    steps: AsyncGenerator<SwapStep>,
  ) {
    void this.follow(steps);
  }

  private async follow(steps: AsyncGenerator<SwapStep>): Promise<void> {
    try {
      for await (const step of steps) this.steps.value = [...this.steps.value, step];
    } catch (error) {
      this.error.value = errorMessage(error);
    }
    this.isFinished.value = true;
  }
}

/** Latest operation; it continues while other tabs are open. */
export const currentSwap = signal<SwapOperation>();

/** Starts a swap. */
export function startSwap(file: File, options: SwapOptions): void {
  currentSwap.value = new SwapOperation(file, requestSwap(file, options));
}

/** Starts a rollback. */
export function startRollback(): void {
  currentSwap.value = new SwapOperation(undefined, requestRollback());
}
