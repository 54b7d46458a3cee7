import { useId, useState } from "preact/hooks";
import { invokeCommand, queueCommand } from "../api/commands.ts";
import { Chip } from "../components/Chip.tsx";
import { errorMessage } from "../components/hooks.ts";
import { type InputDraft, SchemaInput } from "../components/SchemaInput.tsx";
import type { Json } from "../json.ts";
import type { Command } from "../model/interface.ts";
import { valueViolation } from "../model/violation.ts";
import { type CommandOutcome, CommandResult } from "./CommandResult.tsx";

/** Returns the method name of a command: `component*command` for a component. */
export function methodName(command: Command): string {
  return command.component ? `${command.component}*${command.name}` : command.name;
}

/** Calls the device, or queues the command for it. */
async function execute(
  device: string,
  command: Command,
  payload: Json | undefined,
): Promise<CommandOutcome> {
  const name = methodName(command);
  if (!command.durable) return { response: await invokeCommand(device, name, payload) };
  await queueCommand(device, name, payload);
  return { queued: true };
}

interface Props {
  device: string;
  command: Command;
  /** Initial payload. */
  initial?: Json | undefined;
}

/** Form that runs a command and shows the result. */
export function CommandCard({ device, command, initial }: Props) {
  const { request } = command;
  const first = initial ?? request?.initialValue;
  const [draft, setDraft] = useState<InputDraft>({ value: first });
  const [outcome, setOutcome] = useState<CommandOutcome>();
  const [isRunning, setRunning] = useState(false);
  const run = async (event: Event) => {
    event.preventDefault();
    const violation =
      draft.error ??
      (request && draft.value !== undefined ? valueViolation(request, draft.value) : undefined);
    if (violation) return setOutcome({ error: `${request?.title} ${violation}.` });
    setRunning(true);
    setOutcome(
      await execute(device, command, draft.value).catch((error: unknown) => ({
        error: errorMessage(error),
      })),
    );
    setRunning(false);
  };
  const id = useId();
  return (
    <article class="card command" data-command={command.name}>
      <header>
        <h3>
          {command.component ? `${command.component} · ` : ""}
          {command.title}
        </h3>
        {command.title !== command.name && <code class="muted">{command.name}</code>}
        {command.durable && (
          <Chip
            tone="info"
            title="Sent as a cloud-to-device message, which waits until the device connects"
          >
            Queue if offline
          </Chip>
        )}
      </header>
      {command.description && <p class="muted">{command.description}</p>}
      <form onSubmit={(event) => void run(event)} noValidate>
        {request && <label for={id}>{request.title}</label>}
        <div class="form-row">
          {request && (
            <SchemaInput id={id} schema={request.schema} initial={first} onChange={setDraft} />
          )}
          <button type="submit" class="primary" disabled={isRunning}>
            {isRunning ? "Running…" : "Run"}
          </button>
        </div>
      </form>
      {outcome && <CommandResult command={command} outcome={outcome} />}
    </article>
  );
}
