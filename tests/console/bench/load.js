import { PROGRAM } from "../support/cloud.js";
import { Process } from "../support/process.js";

/** Longer than any measurement. */
const LONG = "1h";

/** `cloud load`: devices that send messages at a total rate until stopped. */
export class Load {
  #process;

  constructor(t, cloud, { devices, rate }) {
    const options = ["--devices", devices, "--rate", rate, "--duration", LONG, "--json"].map(
      String,
    );
    this.#process = new Process(t, PROGRAM, ["--dir", cloud.dir, "load", ...options]);
  }

  /** Stops the load, and returns its result. */
  async stop() {
    await this.#process.end("SIGINT");
    const [line] = await this.#process.waitForOutput(/^\{.*\}$/m);
    return JSON.parse(line);
  }
}
