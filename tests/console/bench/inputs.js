import { percentile } from "./figures.js";

/** What is painted sooner is not measured, in milliseconds. */
const SHORTEST = 16;
/** Milliseconds from one key or click to the next: a person in a hurry. */
const REST = 80;

/** Keys and clicks on a page, and how long each took to be painted, as the browser measures it (Event Timing). */
export class Inputs {
  #page;
  #acts = [];

  /** Watches from now on. */
  static async watch(page) {
    const inputs = new Inputs();
    inputs.#page = page;
    await page.evaluate(observe, SHORTEST);
    return inputs;
  }

  /** Presses keys, one after the other. */
  async type(...keys) {
    for (const key of keys) await this.#act(key, () => this.#page.keyboard.press(key));
  }

  /** Clicks on what is there already, and is called so. */
  async click(name, locator) {
    const { x, y, width, height } = await locator.boundingBox();
    await this.#act(name, () => this.#page.mouse.click(x + width / 2, y + height / 2));
  }

  /** Milliseconds of each input until it was painted, with its name, and of each long task beside them. */
  async end() {
    const { inputs, tasks } = await this.#page.evaluate(() => window.watched());
    const named = inputs.map(({ at, took }) => ({ took, name: this.#acts.findLast((act) => act.at <= at)?.name }));
    const unmeasured = Math.max(0, this.#acts.length - inputs.length);
    return { inputs: [...named, ...Array(unmeasured).fill({ took: SHORTEST })], tasks };
  }

  async #act(name, act) {
    this.#acts.push({ name, at: Date.now() });
    await act();
    await this.#page.waitForTimeout(REST);
  }
}

/** A line on what took so long. */
export function summary(inputs) {
  const [half, most] = [50, 95].map((share) => percentile(inputs.map(({ took }) => took), share));
  const worst = inputs.reduce((worst, input) => (input.took > worst.took ? input : worst));
  return `half within ${half} ms, 95 of 100 within ${most} ms, the worst of ${inputs.length} ${worst.took} ms (${worst.name})`;
}

/** In the page: one figure for each interaction, that of its slowest event. */
function observe(shortest) {
  const inputs = new Map();
  const tasks = [];
  const take = (entries) => {
    for (const { entryType, interactionId, startTime, duration } of entries) {
      if (entryType === "longtask") tasks.push(duration);
      else if (interactionId > 0 && duration > (inputs.get(interactionId)?.took ?? 0)) {
        inputs.set(interactionId, { at: performance.timeOrigin + startTime, took: duration });
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
