import { readFile } from "node:fs/promises";

/** The same component with a custom section more, so that its hash is another. */
export async function otherVersion(path) {
  const section = Buffer.from("\x07versiontwo", "latin1");
  return Buffer.concat([await readFile(path), Buffer.from([0, section.length]), section]);
}
