import { spawn } from "node:child_process";
import { once } from "node:events";
import { afterTest } from "./cleanup.js";

/** Timeout of every wait, in milliseconds. */
export const TIMEOUT = 60_000;

/** Child process that is terminated after the test. */
export class Process {
  #child;
  #output = "";
  #waiting = new Set();

  /** Starts `program` for the test `t`. */
  constructor(t, program, args, env = {}) {
    this.#child = spawn(program, args, {
      env: { HOME: process.env.HOME, PATH: process.env.PATH, ...env },
    });
    for (const stream of [this.#child.stdout, this.#child.stderr]) {
      stream.setEncoding("utf8").on("data", (text) => this.#append(text));
    }
    this.#child.on("close", () => this.#append(""));
    afterTest(t, () => this.end());
  }

  /** Output so far. */
  get output() {
    return this.#output;
  }

  /** Waits for output that matches a pattern, and returns the match. */
  async waitForOutput(pattern) {
    const expression = typeof pattern === "string" ? new RegExp(escaped(pattern)) : pattern;
    const deadline = setTimeout(() => this.#append(""), TIMEOUT);
    const startedAt = Date.now();
    try {
      for (;;) {
        const match = expression.exec(this.#output);
        if (match) return match;
        if (this.#child.exitCode !== null || Date.now() - startedAt >= TIMEOUT) {
          throw new Error(`no output matched ${expression}: ${this.#output}`);
        }
        await new Promise((resolve) => this.#waiting.add(resolve));
      }
    } finally {
      clearTimeout(deadline);
    }
  }

  /** Sends a signal, and waits for the process to exit. */
  async end(signal = "SIGTERM") {
    if (this.#child.exitCode !== null || this.#child.signalCode !== null) return;
    const closed = once(this.#child, "close");
    this.#child.kill(signal);
    await closed;
  }

  #append(text) {
    this.#output += text;
    for (const resolve of this.#waiting) resolve();
    this.#waiting.clear();
  }
}

const escaped = (text) => text.replace(/[.*+?^${}()|[\]\\]/g, "\\$&");
