import { useState } from "preact/hooks";
import { EmptyState } from "../components/States.tsx";
import type { CommandEvent } from "../live/event.ts";
import { CommandCard, methodName } from "./CommandCard.tsx";
import { CommandHistory } from "./CommandHistory.tsx";
import type { TabProps } from "./tab.ts";

/** Commands of the device, and the history of their calls. */
export function CommandsTab({ device, twin, model, log }: TabProps) {
  const [repeated, setRepeated] = useState<CommandEvent>();
  const commands = model?.commands ?? [];
  const someWait = commands.some((command) => command.durable);
  return (
    <>
      {!twin.connected && (
        <p class="notice">
          The device is disconnected. {someWait ? "Commands that are not queued" : "Commands"} fail
          until it connects.
        </p>
      )}
      {commands.map((command) => (
        <CommandCard
          key={`${methodName(command)} ${repeated && repeated.name === methodName(command) ? repeated.sequence : ""}`}
          device={device}
          command={command}
          initial={repeated?.name === methodName(command) ? repeated.payload : undefined}
        />
      ))}
      {commands.length === 0 && (
        <EmptyState title="No commands">
          {model ? "The device model has none." : "The device model is unknown."}
        </EmptyState>
      )}
      <CommandHistory log={log} commands={commands} onRepeat={setRepeated} />
    </>
  );
}
