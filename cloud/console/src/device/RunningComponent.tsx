import type { Twin } from "../api/twin.ts";
import { formatDuration, formatTime, formatTitle, formatValue, parseTime } from "../format.ts";
import { asObject } from "../json.ts";
import { HOST_COMPONENT } from "../live/swap.ts";

/** Running component, as the host reports it; nothing for a device without these properties. */
export function RunningComponent({ twin }: { twin: Twin }) {
  const host = asObject(twin.reported.values[HOST_COMPONENT]);
  if (!host?.sha256) return null;
  const since = parseTime(formatValue(host.since));
  const pause = host.lastSwapPause;
  const rows: [string, string | undefined][] = [
    ["Component", `${formatValue(host.name)} ${formatValue(host.version)}`],
    ["Started", since === undefined ? undefined : formatTime(since)],
    ["SHA-256", formatValue(host.sha256)],
    ["Last swap", formatTitle(formatValue(host.lastSwapResult)) || "None"],
    ["Reason", formatValue(host.lastSwapReason) || undefined],
    ["Swap pause", typeof pause === "number" ? formatDuration(pause) : undefined],
  ];
  return (
    <section class="card">
      <h2>Running component</h2>
      <dl class="detail-list">
        {rows.map(
          ([name, value]) =>
            value !== undefined && (
              <div key={name}>
                <dt>{name}</dt>
                <dd class={name === "SHA-256" ? "hash" : ""} title={value}>
                  {value}
                </dd>
              </div>
            ),
        )}
      </dl>
    </section>
  );
}
