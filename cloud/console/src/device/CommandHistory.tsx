import { Chip } from "../components/Chip.tsx";
import { formatDuration, formatTime, formatValue } from "../format.ts";
import type { DeviceLog } from "../live/deviceLog.ts";
import { type CommandEvent, enqueuedAt } from "../live/event.ts";
import type { Command } from "../model/interface.ts";
import { methodName } from "./CommandCard.tsx";
import { StatusChip } from "./CommandResult.tsx";

/** Most recent commands shown. */
const MAX_ROWS = 50;

interface Props {
  log: DeviceLog;
  commands: Command[];
  onRepeat: (event: CommandEvent) => void;
}

/** History of all command calls, newest first. */
export function CommandHistory({ log, commands, onRepeat }: Props) {
  log.changes.value;
  const newest = log.commands.slice(-MAX_ROWS).reverse();
  const known = new Set(commands.map(methodName));
  return (
    <section>
      <h2 class="group-title">Command history</h2>
      {newest.length === 0 && <p class="muted">No commands have been run.</p>}
      {newest.length > 0 && (
        <div class="card table">
          <table class="history stacked">
            <thead>
              <tr>
                <th>Time</th>
                <th>Command</th>
                <th>Payload</th>
                <th>Response</th>
                <th>Duration</th>
                <th>
                  <span class="visually-hidden">Run again</span>
                </th>
              </tr>
            </thead>
            <tbody>
              {newest.map((event) => (
                <tr key={event.sequence}>
                  <td class="time" data-title="Time">
                    {formatTime(enqueuedAt(event))}
                  </td>
                  <td data-title="Command">{event.name}</td>
                  <td class="ellipsis" data-title="Payload" title={formatValue(event.payload)}>
                    <span>{formatValue(event.payload)}</span>
                  </td>
                  <td
                    class="ellipsis"
                    data-title="Response"
                    title={event.error ?? formatValue(event.response)}
                  >
                    <span>
                      {event.status === undefined ? (
                        <Chip tone="danger">Failed</Chip>
                      ) : (
                        <StatusChip status={event.status} />
                      )}{" "}
                      {event.error ?? formatValue(event.response)}
                    </span>
                  </td>
                  <td class="number" data-title="Duration">
                    {formatDuration(event.durationMs)}
                  </td>
                  <td>
                    {known.has(event.name) && (
                      <button type="button" class="small" onClick={() => onRepeat(event)}>
                        Run again
                      </button>
                    )}
                  </td>
                </tr>
              ))}
            </tbody>
          </table>
        </div>
      )}
    </section>
  );
}
