import { execFile } from "node:child_process";
import { mkdtemp, readFile, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { promisify } from "node:util";
import { afterTest } from "./cleanup.js";
import { built } from "./paths.js";
import { Process } from "./process.js";

/** Path of the `cloud` program. */
export const PROGRAM = built("release/cloud");
const run = promisify(execFile);

/** Creates a directory that is removed after the test. */
export async function directory(t) {
  const path = await mkdtemp(join(tmpdir(), "console-test-"));
  afterTest(t, () => rm(path, { recursive: true, force: true, maxRetries: 5 }));
  return path;
}

/** Running cloud. */
export class Cloud {
  constructor(dir, process) {
    this.dir = dir;
    this.process = process;
  }

  /** Starts `cloud run`; `ports` are those of an earlier run. */
  static async run(
    t,
    dir,
    ports = { mqtt: "127.0.0.1:0", https: "127.0.0.1:0", console: "0" },
    options = [],
  ) {
    const where = ["--mqtt", ports.mqtt, "--https", ports.https, "--console-port", ports.console];
    const process = new Process(t, PROGRAM, ["--dir", dir, "run", ...where, ...options]);
    await process.waitForOutput("press Ctrl-C to stop");
    return new Cloud(dir, process);
  }

  /**
   * Starts `cloud exec` with the host and the thermostat, and waits for the first message. `dir` is
   * that of an earlier run.
   */
  static async withThermostat(t, { component, device = "thermostat-01", dir, options = [] } = {}) {
    dir ??= await directory(t);
    const host = [
      built("release/host"),
      "--component",
      component ?? built("thermostat.wasm"),
      "--report-host",
      "--set",
      "telemetry-interval=500ms",
      ...options,
    ];
    const control = ["--host-control", join(dir, "state/control")];
    const process = new Process(
      t,
      PROGRAM,
      [
        "--dir",
        dir,
        "exec",
        "--console-port",
        "0",
        ...control,
        "--device-id",
        device,
        "--",
        ...host,
      ],
      {
        HOST_CACHE_DIR: built("tmp/end-to-end-cache"),
      },
    );
    await process.waitForOutput("Sent message");
    return new Cloud(dir, process);
  }

  /** Runs a `cloud` command, and returns its output. */
  async cli(...args) {
    const { stdout } = await run(PROGRAM, ["--dir", this.dir, ...args]);
    return stdout.trim();
  }

  /** Runs a `host` command, and returns its output. */
  async host(...args) {
    const { stdout } = await run(built("release/host"), args, {
      env: { ...process.env, HOST_STATE_DIR: join(this.dir, "state") },
    });
    return stdout.trim();
  }

  /** Returns a sign-in link. */
  link() {
    return this.cli("console");
  }

  /** Returns the contents of `running.json`, with the addresses of the cloud. */
  async running() {
    return JSON.parse(await readFile(join(this.dir, "running.json"), "utf8"));
  }
}
