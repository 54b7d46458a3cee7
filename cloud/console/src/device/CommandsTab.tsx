import { useId, useState } from "preact/hooks";
import { call, type Reply } from "../cloud/commands.ts";
import type { CommandEvent } from "../live/event.ts";
import type { Json } from "../json.ts";
import type { Command } from "../model/interface.ts";
import { misfit } from "../model/misfit.ts";
import { Empty } from "../part/State.tsx";
import { type Draft, SchemaInput } from "../part/SchemaInput.tsx";
import { inWords } from "../part/use.ts";
import { CommandHistory } from "./CommandHistory.tsx";
import { CommandResult } from "./CommandResult.tsx";
import type { TabProps } from "./DevicePage.tsx";

/** What the device can do, and what it was told to do. */
export function CommandsTab({ device, twin, model, log }: TabProps) {
  const [again, setAgain] = useState<CommandEvent>();
  const commands = model?.commands ?? [];
  return (
    <>
      {!twin.connected && <p class="notice">The device is not connected: a command now fails at once.</p>}
      {commands.map((command) => (
        <CommandCard
          key={`${wireName(command)} ${again && again.name === wireName(command) ? again.sequence : ""}`}
          device={device}
          command={command}
          initial={again?.name === wireName(command) ? again.payload : undefined}
        />
      ))}
      {commands.length === 0 && <Empty title={model ? "The device's model names no command." : "The device's model, which would name its commands, is not known."} />}
      <CommandHistory log={log} commands={commands} onAgain={setAgain} />
    </>
  );
}

/** The name a device is called by: a component's stands before it. */
export function wireName(command: Command): string {
  return command.component ? `${command.component}*${command.name}` : command.name;
}

type Outcome = { reply: Reply } | { trouble: string } | undefined;

interface CardProps {
  device: string;
  command: Command;
  /** What it was called with before. */
  initial?: Json | undefined;
}

/** A command, to call, and what the device answered. */
export function CommandCard({ device, command, initial }: CardProps) {
  const [draft, setDraft] = useState<Draft>({ value: initial });
  const [outcome, setOutcome] = useState<Outcome>();
  const [isRunning, setRunning] = useState(false);
  const { request } = command;
  const run = async (event: Event) => {
    event.preventDefault();
    const why = draft.problem ?? (request && draft.value !== undefined ? misfit(request.schema, draft.value) : undefined);
    if (why) return setOutcome({ trouble: `${request?.title} ${why}.` });
    setRunning(true);
    setOutcome(await call(device, wireName(command), draft.value).then(
      (reply) => ({ reply }),
      (problem: unknown) => ({ trouble: inWords(problem) }),
    ));
    setRunning(false);
  };
  const id = useId();
  return (
    <article class="card command" data-command={command.name}>
      <header>
        <h3>{command.component ? `${command.component} · ` : ""}{command.title}</h3>
        {command.title !== command.name && <code class="faint">{command.name}</code>}
      </header>
      {command.description && <p class="faint">{command.description}</p>}
      <form onSubmit={(event) => void run(event)} noValidate>
        {request && <label for={id}>{request.title}</label>}
        <div class="row">
          {request && <SchemaInput id={id} schema={request.schema} initial={initial} onDraft={setDraft} />}
          <button type="submit" class="primary" disabled={isRunning}>{isRunning ? "Running…" : "Run"}</button>
        </div>
      </form>
      {outcome && <CommandResult command={command} outcome={outcome} />}
    </article>
  );
}
