import { fileURLToPath } from "node:url";

const target = new URL("../../../target/", import.meta.url);

/** The path of what was built under this name. */
export const built = (name) => fileURLToPath(new URL(name, target));

/** Where screenshots go. */
export const SHOTS = built("console-shots");
