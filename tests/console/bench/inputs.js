import { percentile } from "./figures.js";

/** Shortest event that is measured, in milliseconds. */
const MIN_DURATION = 16;
/** Milliseconds between two inputs, as of a fast user. */
const INTERVAL = 80;

/**
 * Keys and clicks on a page, with the time until each was painted, as measured by the browser
 * (Event Timing).
 */
export class Inputs {
  #page;
  #inputs = [];

  /** Starts the measurement. */
  static async watch(page) {
    const inputs = new Inputs();
    inputs.#page = page;
    await page.evaluate(observe, MIN_DURATION);
    return inputs;
  }

  /** Presses keys, one after the other. */
  async type(...keys) {
    for (const key of keys) await this.#perform(key, () => this.#page.keyboard.press(key));
  }

  /** Clicks on a visible element. */
  async click(name, locator) {
    const { x, y, width, height } = await locator.boundingBox();
    await this.#perform(name, () => this.#page.mouse.click(x + width / 2, y + height / 2));
  }

  /**
   * Ends the measurement. Returns the duration and name of each input, and the duration of each
   * long task.
   */
  async end() {
    const { inputs, tasks } = await this.#page.evaluate(() => window.watched());
    const named = inputs.map(({ at, duration }) => ({
      duration,
      name: this.#inputs.findLast((act) => act.at <= at)?.name,
    }));
    const unmeasured = Math.max(0, this.#inputs.length - inputs.length);
    return { inputs: [...named, ...Array(unmeasured).fill({ duration: MIN_DURATION })], tasks };
  }

  async #perform(name, act) {
    this.#inputs.push({ name, at: Date.now() });
    await act();
    await this.#page.waitForTimeout(INTERVAL);
  }
}

/** Summarizes input latencies. */
export function summary(inputs) {
  const [p50, p95] = [50, 95].map((share) =>
    percentile(
      inputs.map(({ duration }) => duration),
      share,
    ),
  );
  const worst = inputs.reduce((worst, input) => (input.duration > worst.duration ? input : worst));
  return `p50 ${p50} ms, p95 ${p95} ms, max of ${inputs.length}: ${worst.duration} ms (${worst.name})`;
}

/** Runs in the page: keeps the slowest event of each interaction. */
function observe(shortest) {
  const inputs = new Map();
  const tasks = [];
  const take = (entries) => {
    for (const { entryType, interactionId, startTime, duration } of entries) {
      if (entryType === "longtask") tasks.push(duration);
      else if (interactionId > 0 && duration > (inputs.get(interactionId)?.duration ?? 0)) {
        inputs.set(interactionId, { at: performance.timeOrigin + startTime, duration });
      }
    }
  };
  const observer = new PerformanceObserver((list) => take(list.getEntries()));
  observer.observe({ type: "event", durationThreshold: shortest });
  observer.observe({ type: "longtask" });
  window.watched = () => {
    take(observer.takeRecords());
    observer.disconnect();
    return { inputs: [...inputs.values()], tasks };
  };
}
