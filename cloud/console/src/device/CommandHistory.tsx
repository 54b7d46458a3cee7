import type { DeviceLog } from "../live/device.ts";
import { type CommandEvent, time } from "../live/event.ts";
import type { Command } from "../model/interface.ts";
import { Chip } from "../part/Chip.tsx";
import { clock, short, span } from "../words.ts";
import { StatusChip } from "./CommandResult.tsx";
import { wireName } from "./CommandsTab.tsx";

/** Commands shown. */
const SHOWN = 50;

interface Props {
  log: DeviceLog;
  commands: Command[];
  onAgain: (event: CommandEvent) => void;
}

/** The commands there were, the newest first, whoever called them. */
export function CommandHistory({ log, commands, onAgain }: Props) {
  log.changes.value;
  const newest = log.commands.slice(-SHOWN).reverse();
  const known = new Set(commands.map(wireName));
  return (
    <section>
      <h2 class="group">History</h2>
      {newest.length === 0 && <p class="faint">No command has been called yet.</p>}
      {newest.length > 0 && (
        <div class="card table">
          <table class="history stacked">
            <thead>
              <tr><th>Time</th><th>Command</th><th>Payload</th><th>Answer</th><th>Took</th><th><span class="unseen">Again</span></th></tr>
            </thead>
            <tbody>
              {newest.map((event) => (
                <tr key={event.sequence}>
                  <td class="time" data-title="Time">{clock(time(event))}</td>
                  <td data-title="Command">{event.name}</td>
                  <td class="clip" data-title="Payload" title={short(event.payload)}><span>{short(event.payload)}</span></td>
                  <td class="clip" data-title="Answer" title={event.error ?? short(event.response)}>
                    <span>
                      {event.status === undefined ? <Chip tone="bad">Failed</Chip> : <StatusChip status={event.status} />}{" "}
                      {event.error ?? short(event.response)}
                    </span>
                  </td>
                  <td class="number" data-title="Took">{span(event.milliseconds)}</td>
                  <td>{known.has(event.name) && <button type="button" class="small" onClick={() => onAgain(event)}>Again</button>}</td>
                </tr>
              ))}
            </tbody>
          </table>
        </div>
      )}
    </section>
  );
}
