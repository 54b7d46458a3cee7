import { spawn } from "node:child_process";
import { once } from "node:events";
import { atEnd } from "./ending.js";

/** How long anything may take, in milliseconds: more than it ever does. */
export const PATIENCE = 60_000;

/** A running program, which ends with the test. */
export class Process {
  #child;
  #printed = "";
  #waiting = new Set();

  /** Starts `program`; `t` is the test it belongs to. */
  constructor(t, program, args, env = {}) {
    this.#child = spawn(program, args, { env: { HOME: process.env.HOME, PATH: process.env.PATH, ...env } });
    for (const stream of [this.#child.stdout, this.#child.stderr]) {
      stream.setEncoding("utf8").on("data", (text) => this.#take(text));
    }
    this.#child.on("close", () => this.#take(""));
    atEnd(t, () => this.end());
  }

  /** Everything it has printed. */
  get printed() {
    return this.#printed;
  }

  /** Waits until it has printed what fits, and returns the match. */
  async says(pattern) {
    const expression = typeof pattern === "string" ? new RegExp(escaped(pattern)) : pattern;
    const deadline = setTimeout(() => this.#take(""), PATIENCE);
    const begun = Date.now();
    try {
      for (;;) {
        const match = expression.exec(this.#printed);
        if (match) return match;
        if (this.#child.exitCode !== null || Date.now() - begun >= PATIENCE) {
          throw new Error(`it never said ${expression}: ${this.#printed}`);
        }
        await new Promise((resolve) => this.#waiting.add(resolve));
      }
    } finally {
      clearTimeout(deadline);
    }
  }

  /** Ends it, and waits until it has. */
  async end(signal = "SIGTERM") {
    if (this.#child.exitCode !== null || this.#child.signalCode !== null) return;
    const closed = once(this.#child, "close");
    this.#child.kill(signal);
    await closed;
  }

  #take(text) {
    this.#printed += text;
    for (const resolve of this.#waiting) resolve();
    this.#waiting.clear();
  }
}

const escaped = (text) => text.replace(/[.*+?^${}()|[\]\\]/g, "\\$&");
