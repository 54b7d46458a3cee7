// Builds the console into dist/, which `cloud` embeds. The bundle is complete: the page loads nothing
// from other hosts.

import { copyFile, mkdir, readFile, rm, writeFile } from "node:fs/promises";
import { build } from "esbuild";

const DIST = new URL("dist/", import.meta.url);
const BUNDLED = ["preact", "@preact/signals", "@preact/signals-core", "uplot"];

/** Returns the licences of the bundled packages. */
async function licences() {
  const texts = BUNDLED.map(async (name) => {
    const text = await readFile(new URL(`node_modules/${name}/LICENSE`, import.meta.url), "utf8");
    return `${name}\n\n${text}`;
  });
  return (await Promise.all(texts)).join("\n----\n\n");
}

await rm(DIST, { recursive: true, force: true });
await mkdir(DIST);
await build({
  absWorkingDir: new URL(".", import.meta.url).pathname,
  entryPoints: { console: "src/main.tsx" },
  outdir: "dist",
  bundle: true,
  minify: true,
  format: "esm",
  target: ["es2022", "chrome123", "firefox128", "safari17.5"],
  jsx: "automatic",
  jsxImportSource: "preact",
  legalComments: "none",
});
for (const file of ["index.html", "icon.svg"]) {
  await copyFile(new URL(`src/${file}`, import.meta.url), new URL(file, DIST));
}
await writeFile(new URL("licences.txt", DIST), await licences());
