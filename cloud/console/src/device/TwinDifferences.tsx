import type { Twin } from "../api/twin.ts";
import { Chip } from "../components/Chip.tsx";
import { formatValue } from "../format.ts";
import { equal, type Json, type JsonObject } from "../json.ts";
import { differences } from "./differences.ts";

/** Desired, reported and digital-twin value of each property. */
export function TwinDifferences({
  twin,
  digital,
}: {
  twin: Twin;
  digital: JsonObject | undefined;
}) {
  const rows = differences(twin, digital);
  return (
    <section class="card table">
      <h2>Properties</h2>
      {rows.length === 0 && <p class="muted">No desired or reported properties</p>}
      {rows.length > 0 && (
        <table class="differences stacked">
          <thead>
            <tr>
              <th>Property</th>
              <th>Desired</th>
              <th>Reported</th>
              {digital && <th>Digital twin</th>}
              <th>Status</th>
            </tr>
          </thead>
          <tbody>
            {rows.map(({ path, desired, reported, digital: digitalValue, status, tone }) => (
              <tr key={path}>
                <th scope="row">{path}</th>
                <Cell title="Desired" value={desired} />
                <Cell title="Reported" value={reported} expected={desired} />
                {digital && <Cell title="Digital twin" value={digitalValue} expected={desired} />}
                <td data-title="Status">
                  <Chip tone={tone}>{status}</Chip>
                </td>
              </tr>
            ))}
          </tbody>
        </table>
      )}
    </section>
  );
}

/** Value, highlighted if it differs from the desired one. */
function Cell({
  title,
  value,
  expected,
}: {
  title: string;
  value: Json | undefined;
  expected?: Json | undefined;
}) {
  if (value === undefined)
    return (
      <td class="missing" data-title={title}>
        –
      </td>
    );
  const differs = expected !== undefined && !equal(value, expected);
  return (
    <td
      class={differs ? "ellipsis differs" : "ellipsis"}
      data-title={title}
      title={formatValue(value)}
    >
      <span>{formatValue(value)}</span>
    </td>
  );
}
