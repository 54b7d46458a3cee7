import { readFile } from "node:fs/promises";

/** Returns the component with a custom section, so that each `note` gives another hash. */
export async function otherVersion(path, note) {
  const name = "version";
  const section = Buffer.from(`${String.fromCharCode(name.length)}${name}${note}`, "latin1");
  return Buffer.concat([await readFile(path), Buffer.from([0, section.length]), section]);
}

/**
 * Returns the thermostat as if it had been built with another version, of the same length. The
 * versions of its interfaces, which follow an `@`, stay.
 */
export async function withVersion(path, version) {
  const bytes = await readFile(path, "latin1");
  const found = bytes.match(/(?<!@)0\.1\.0/g) ?? [];
  if (found.length !== 1) throw new Error(`${path} has ${found.length} versions`);
  return Buffer.from(bytes.replace(/(?<!@)0\.1\.0/, version), "latin1");
}
