import type { Twin } from "../cloud/twin.ts";
import { asObject } from "../json.ts";
import { HOST } from "../live/swap.ts";
import { clock, moment, short, span } from "../words.ts";

/** What the device's host reports of the component that is its behaviour. Nothing for a device that reports none. */
export function Running({ twin }: { twin: Twin }) {
  const host = asObject(twin.reported.values[HOST]);
  if (!host?.["sha256"]) return null;
  const since = moment(short(host["since"]));
  const pause = host["lastSwapPause"];
  const rows: [string, string | undefined][] = [
    ["Component", `${short(host["name"])} ${short(host["version"])}`],
    ["Since", since === undefined ? undefined : clock(since)],
    ["SHA-256", short(host["sha256"])],
    ["Last swap", short(host["lastSwapResult"]) || "none yet"],
    ["Reason", short(host["lastSwapReason"]) || undefined],
    ["Pause", typeof pause === "number" ? span(pause) : undefined],
  ];
  return (
    <section class="card">
      <h2>What runs</h2>
      <dl class="facts">
        {rows.map(([name, value]) => value !== undefined && (
          <div key={name}>
            <dt>{name}</dt>
            <dd class={name === "SHA-256" ? "hash" : ""} title={value}>{value}</dd>
          </div>
        ))}
      </dl>
    </section>
  );
}
