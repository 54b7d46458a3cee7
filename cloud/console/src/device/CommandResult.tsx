import type { CommandResponse } from "../api/commands.ts";
import { Chip } from "../components/Chip.tsx";
import { JsonView } from "../components/JsonView.tsx";
import { ErrorMessage } from "../components/States.tsx";
import { formatDuration, formatTime, formatValue, parseTime } from "../format.ts";
import { asObject, type Json } from "../json.ts";
import type { Command } from "../model/interface.ts";
import type { Schema } from "../model/schema.ts";

/** Response of a device, that there will be none, or the reason why there is none. */
export type CommandOutcome = { response: CommandResponse } | { queued: true } | { error: string };

interface Props {
  command: Command;
  outcome: CommandOutcome;
}

/** Result of a command: response or error. */
export function CommandResult({ command, outcome }: Props) {
  if ("error" in outcome) return <ErrorMessage>{outcome.error}</ErrorMessage>;
  if ("queued" in outcome) {
    return (
      <p class="outcome" role="status">
        <Chip tone="success">Queued</Chip>
        <span class="muted">The device gets it as a message. It does not respond.</span>
      </p>
    );
  }
  const { status, payload, duration } = outcome.response;
  return (
    <section class="result" aria-live="polite">
      <p class="outcome">
        <StatusChip status={status} />
        <span class="muted">{formatDuration(duration)}</span>
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

/** Status set by the device. */
export function StatusChip({ status }: { status: number }) {
  return <Chip tone={status >= 200 && status < 300 ? "success" : "danger"}>Status {status}</Chip>;
}

function Fields({ payload, schema }: { payload: Json; schema: Schema | undefined }) {
  const object = asObject(payload);
  if (!object)
    return payload === null ? <p class="muted">No payload.</p> : <p>{formatValue(payload)}</p>;
  const fields = schema?.kind === "object" ? schema.fields : [];
  const byName = new Map(fields.map((field) => [field.name, field]));
  return (
    <table class="fields">
      <tbody>
        {Object.entries(object).map(([name, value]) => (
          <tr key={name}>
            <th scope="row">{byName.get(name)?.title ?? name}</th>
            <td>{formatField(value, byName.get(name)?.schema)}</td>
            <td class="muted">
              <code>{name}</code>
            </td>
          </tr>
        ))}
      </tbody>
    </table>
  );
}

function formatField(value: Json, schema: Schema | undefined): string {
  const time =
    schema?.kind === "dateTime" && typeof value === "string" ? parseTime(value) : undefined;
  return time === undefined ? formatValue(value) : formatTime(time);
}
