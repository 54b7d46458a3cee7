import { PROGRAM } from "../support/cloud.js";
import { Process } from "../support/process.js";

/** Longer than anything that is measured meanwhile. */
const LONG = "1h";

/** `cloud load`: devices that send, together, so many messages a second, until it is stopped. */
export class Load {
  #process;

  constructor(t, cloud, { devices, rate }) {
    const options = ["--devices", devices, "--rate", rate, "--duration", LONG, "--json"].map(String);
    this.#process = new Process(t, PROGRAM, ["--dir", cloud.dir, "load", ...options]);
  }

  /** Stops it, and returns what came of it. */
  async stop() {
    await this.#process.end("SIGINT");
    const [line] = await this.#process.says(/^\{.*\}$/m);
    return JSON.parse(line);
  }
}
