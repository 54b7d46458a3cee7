// Runs the unit tests beside the sources (*.test.ts), which need no browser.

import { spawnSync } from "node:child_process";
import { readdir, rm } from "node:fs/promises";
import { join } from "node:path";
import { build } from "esbuild";

const BUILT = "node_modules/.tests";

const files = await readdir("src", { recursive: true });
const tests = files.filter((file) => file.endsWith(".test.ts")).map((file) => join("src", file));
await rm(BUILT, { recursive: true, force: true });
await build({
  entryPoints: tests,
  outdir: BUILT,
  outbase: "src",
  bundle: true,
  platform: "node",
  format: "esm",
  outExtension: { ".js": ".mjs" },
});
const built = tests.map((file) => join(BUILT, file.replace(/^src./, "").replace(/\.ts$/, ".mjs")));
process.exitCode =
  spawnSync(process.execPath, ["--test", ...built], { stdio: "inherit" }).status ?? 1;
