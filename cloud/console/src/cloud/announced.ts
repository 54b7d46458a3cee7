import { objects } from "../json.ts";
import { ask } from "./request.ts";

/** Rows that are asked for at most. */
const ROWS = { "x-ms-max-item-count": "1000" };

/** How many devices have announced each model. */
export async function announced(): Promise<Map<string, number>> {
  const rows = await query("SELECT modelId AS model, COUNT() AS devices FROM devices GROUP BY modelId");
  const counts = rows.map((row) => [String(row["model"] ?? ""), Number(row["devices"])] as const);
  return new Map(counts.filter(([model]) => model !== ""));
}

/** A device of this model, one that is connected if there is one. */
export async function deviceOf(model: string): Promise<string | undefined> {
  const rows = await query(`SELECT deviceId, connectionState FROM devices WHERE modelId = ${quoted(model)}`);
  const chosen = rows.find((row) => row["connectionState"] === "Connected") ?? rows[0];
  return chosen && String(chosen["deviceId"]);
}

async function query(text: string) {
  const order = { method: "POST", headers: ROWS, body: { query: text } } as const;
  return objects((await ask("/devices/query", order)).body);
}

/** A text as a query has it. */
function quoted(text: string): string {
  return `'${text.replaceAll(/['\\]/g, "\\$&")}'`;
}
