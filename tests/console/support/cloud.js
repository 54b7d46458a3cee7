import { execFile } from "node:child_process";
import { mkdtemp, readFile, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { promisify } from "node:util";
import { atEnd } from "./ending.js";
import { built } from "./paths.js";
import { Process } from "./process.js";

/** The program `cloud`. */
export const PROGRAM = built("release/cloud");
const run = promisify(execFile);

/** A directory that goes with the test. */
export async function directory(t) {
  const path = await mkdtemp(join(tmpdir(), "console-test-"));
  atEnd(t, () => rm(path, { recursive: true, force: true, maxRetries: 5 }));
  return path;
}

/** A running cloud. */
export class Cloud {
  constructor(dir, process) {
    this.dir = dir;
    this.process = process;
  }

  /** `cloud run`; `ports` are those of one that ran before. */
  static async run(t, dir, ports = { mqtt: "127.0.0.1:0", https: "127.0.0.1:0", console: "0" }, options = []) {
    const where = ["--mqtt", ports.mqtt, "--https", ports.https, "--console-port", ports.console];
    const process = new Process(t, PROGRAM, ["--dir", dir, "run", ...where, ...options]);
    await process.says("Ctrl-C ends it");
    return new Cloud(dir, process);
  }

  /** `cloud exec` with the thermostat in our host, which has sent something then. */
  static async withThermostat(t, { component = built("thermostat.wasm"), device = "thermostat-01", options = [] } = {}) {
    const dir = await directory(t);
    const host = [built("release/host"), "--component", component, "--report-host", "--telemetry-interval=500ms", ...options];
    const control = ["--host-control", join(dir, "state/control")];
    const process = new Process(t, PROGRAM, ["--dir", dir, "exec", "--console-port", "0", ...control, "--device-id", device, "--", ...host], {
      HOST_CACHE_DIR: built("tmp/end-to-end-cache"),
    });
    await process.says("Sent message");
    return new Cloud(dir, process);
  }

  /** Runs a command of the operator's, and returns what it printed. */
  async operate(...args) {
    const { stdout } = await run(PROGRAM, ["--dir", this.dir, ...args]);
    return stdout.trim();
  }

  /** Runs a command of the host's. */
  async host(...args) {
    const { stdout } = await run(built("release/host"), args, { env: { ...process.env, HOST_STATE_DIR: join(this.dir, "state") } });
    return stdout.trim();
  }

  /** An address that signs in once. */
  link() {
    return this.operate("console");
  }

  /** Where it listens. */
  async running() {
    return JSON.parse(await readFile(join(this.dir, "running.json"), "utf8"));
  }
}
