import type { Twin } from "../cloud/twin.ts";
import { equal, type Json, type JsonObject } from "../json.ts";
import { Chip } from "../part/Chip.tsx";
import { short } from "../words.ts";
import { differences } from "./differences.ts";

/** Each property as it is desired, reported, and shown by the digital twin, if there is one. */
export function TwinDifferences({ twin, digital }: { twin: Twin; digital: JsonObject | undefined }) {
  const rows = differences(twin, digital);
  return (
    <section class="card table">
      <h2>Property by property</h2>
      {rows.length === 0 && <p class="faint">Nothing is desired of this device, and it has reported nothing yet.</p>}
      {rows.length > 0 && (
        <table class="differences stacked">
          <thead>
            <tr><th>Property</th><th>Desired</th><th>Reported</th>{digital && <th>Digital twin</th>}<th>Verdict</th></tr>
          </thead>
          <tbody>
            {rows.map(({ path, desired, reported, digital: shown, verdict, tone }) => (
              <tr key={path}>
                <th scope="row">{path}</th>
                <Cell title="Desired" value={desired} />
                <Cell title="Reported" value={reported} beside={desired} />
                {digital && <Cell title="Digital twin" value={shown} beside={desired} />}
                <td data-title="Verdict"><Chip tone={tone}>{verdict}</Chip></td>
              </tr>
            ))}
          </tbody>
        </table>
      )}
    </section>
  );
}

/** A value, marked where it is another than the one that is desired. */
function Cell({ title, value, beside }: { title: string; value: Json | undefined; beside?: Json | undefined }) {
  if (value === undefined) return <td class="absent" data-title={title}>–</td>;
  const isOther = beside !== undefined && !equal(value, beside);
  return <td class={isOther ? "clip differs" : "clip"} data-title={title} title={short(value)}><span>{short(value)}</span></td>;
}
