import type { HostState, HostStatus } from "../cloud/host.ts";
import { Chip } from "../part/Chip.tsx";
import { Copy } from "../part/Copy.tsx";
import { clock, count, moment, span } from "../words.ts";
import { left, named } from "./stages.ts";
import { Usage } from "./Usage.tsx";

/** The version that runs, and how it does. */
export function RunningCard({ status }: { status: HostStatus }) {
  const { running, calls } = status;
  const since = moment(running?.since);
  const total = calls.ok + calls.errors + calls.traps;
  const before = status.fallback ?? status.previous;
  const facts: [string, string | undefined][] = [
    ["Since", since === undefined ? undefined : clock(since)],
    ["Model", running?.modelId],
    ["Before it", before ? named(before) : "nothing to go back to"],
    ["Calls", `${total.toLocaleString("en")}, of which ${count(calls.errors, "error")} and ${count(calls.traps, "trap")}`],
    ["Each takes", total > 0 ? span((calls.seconds / total) * 1000) : undefined],
    ["Process", String(status.process)],
  ];
  return (
    <section class="card">
      <header class="half">
        <h2>What runs</h2>
        <State state={status.state} />
      </header>
      <p class="big">{running ? running.name : "–"}<small>{running?.version}</small></p>
      <p class="faint standing-line">{standing(status.state)}</p>
      <dl class="facts">
        {running && (
          <div>
            <dt>SHA-256</dt>
            <dd><span class="hash">{running.sha256}</span> <Copy text={running.sha256} label="SHA-256" /></dd>
          </div>
        )}
        {facts.map(([name, value]) => value !== undefined && <div key={name}><dt>{name}</dt><dd>{value}</dd></div>)}
      </dl>
      <Usage status={status} />
    </section>
  );
}

function State({ state }: { state: HostState }) {
  if (state === "accepted") return <Chip tone="good">Accepted</Chip>;
  return "probation" in state ? <Chip tone="wait">On probation</Chip> : <Chip tone="bad">Left alone</Chip>;
}

function standing(state: HostState): string {
  if (state === "accepted") return "It has shown that it works.";
  if ("probation" in state) return left(state) ?? "";
  const { reason, secondsLeft } = state["left-alone"];
  return `It has failed too often: ${reason}. It is tried again in ${Math.ceil(secondsLeft)} s.`;
}
