import { asObjects } from "../json.ts";
import { callApi } from "./request.ts";

/** Header that sets the page size of a query. */
const MAX_ROWS = { "x-ms-max-item-count": "1000" };

/** Counts the devices of each announced model. */
export async function countDevicesByModel(): Promise<Map<string, number>> {
  const rows = await runQuery(
    "SELECT modelId AS model, COUNT() AS devices FROM devices GROUP BY modelId",
  );
  const counts = rows.map((row) => [String(row.model ?? ""), Number(row.devices)] as const);
  return new Map(counts.filter(([model]) => model !== ""));
}

/** Returns a device of this model, preferably a connected one. */
export async function findDeviceOfModel(model: string): Promise<string | undefined> {
  const rows = await runQuery(
    `SELECT deviceId, connectionState FROM devices WHERE modelId = ${quote(model)}`,
  );
  const selected = rows.find((row) => row.connectionState === "Connected") ?? rows[0];
  return selected && String(selected.deviceId);
}

async function runQuery(text: string) {
  const options = { method: "POST", headers: MAX_ROWS, body: { query: text } } as const;
  return asObjects((await callApi("/devices/query", options)).body);
}

/** Quotes a string for a query. */
function quote(text: string): string {
  return `'${text.replaceAll(/['\\]/g, "\\$&")}'`;
}
