import type { Reply } from "../cloud/commands.ts";
import { asObject, type Json } from "../json.ts";
import type { Command } from "../model/interface.ts";
import type { Schema } from "../model/schema.ts";
import { Chip } from "../part/Chip.tsx";
import { JsonView } from "../part/JsonView.tsx";
import { Trouble } from "../part/State.tsx";
import { clock, moment, short, span } from "../words.ts";

interface Props {
  command: Command;
  outcome: { reply: Reply } | { trouble: string };
}

/** What a device answered: what it says, and how it said it. */
export function CommandResult({ command, outcome }: Props) {
  if ("trouble" in outcome) return <Trouble>{outcome.trouble}</Trouble>;
  const { status, payload, took } = outcome.reply;
  return (
    <section class="result" aria-live="polite">
      <p class="outcome">
        <StatusChip status={status} />
        <span class="faint">{span(took)}</span>
      </p>
      <Fields payload={payload} schema={command.response?.schema} />
      {payload !== null && (
        <details>
          <summary>Raw</summary>
          <JsonView value={payload} />
        </details>
      )}
    </section>
  );
}

/** A device's own status. */
export function StatusChip({ status }: { status: number }) {
  return <Chip tone={status >= 200 && status < 300 ? "good" : "bad"}>Status {status}</Chip>;
}

function Fields({ payload, schema }: { payload: Json; schema: Schema | undefined }) {
  const object = asObject(payload);
  if (!object) return payload === null ? <p class="faint">No payload.</p> : <p>{short(payload)}</p>;
  const fields = schema?.kind === "object" ? schema.fields : [];
  const titles = new Map(fields.map((field) => [field.name, field]));
  return (
    <table class="fields">
      <tbody>
        {Object.entries(object).map(([name, value]) => (
          <tr key={name}>
            <th scope="row">{titles.get(name)?.title ?? name}</th>
            <td>{written(value, titles.get(name)?.schema)}</td>
            <td class="faint"><code>{name}</code></td>
          </tr>
        ))}
      </tbody>
    </table>
  );
}

function written(value: Json, schema: Schema | undefined): string {
  const at = schema?.kind === "dateTime" && typeof value === "string" ? moment(value) : undefined;
  return at === undefined ? short(value) : clock(at);
}
