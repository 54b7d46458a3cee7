import { readFile } from "node:fs/promises";

/** Returns the component with a custom section, so that each `note` gives another hash. */
export async function otherVersion(path, note) {
  const name = "version";
  const section = Buffer.from(`${String.fromCharCode(name.length)}${name}${note}`, "latin1");
  return Buffer.concat([await readFile(path), Buffer.from([0, section.length]), section]);
}
