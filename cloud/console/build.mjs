// Builds the page into dist/: what `cloud` embeds. Everything it needs is in there; nothing is fetched when it runs.

import { copyFile, mkdir, readFile, rm, writeFile } from "node:fs/promises";
import { build } from "esbuild";

const DIST = new URL("dist/", import.meta.url);
const SHIPPED = ["preact", "@preact/signals", "@preact/signals-core", "uplot"];

/** The licences of what is in the bundle. */
async function licences() {
  const texts = SHIPPED.map(async (name) => {
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
