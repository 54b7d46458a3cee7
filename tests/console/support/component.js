import { readFile } from "node:fs/promises";

/** The same component with a custom section more, so that its hash is another for each `note`. */
export async function otherVersion(path, note) {
  const name = "version";
  const section = Buffer.from(`${String.fromCharCode(name.length)}${name}${note}`, "latin1");
  return Buffer.concat([await readFile(path), Buffer.from([0, section.length]), section]);
}
