import { fileURLToPath } from "node:url";

const target = new URL("../../../target/", import.meta.url);

/** Returns the path of a build output. */
export const built = (name) => fileURLToPath(new URL(name, target));

/** Directory of the screenshots. */
export const SCREENSHOTS = built("console-shots");
