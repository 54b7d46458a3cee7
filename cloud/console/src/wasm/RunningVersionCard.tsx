import type { HostState, HostStatus } from "../api/host.ts";
import { Chip } from "../components/Chip.tsx";
import { CopyButton } from "../components/CopyButton.tsx";
import { formatCount, formatDuration, formatTime, parseTime } from "../format.ts";
import { ResourceUsage } from "./ResourceUsage.tsx";
import { probationRemaining, versionLabel } from "./stages.ts";

/** Running version, with its state and resource usage. */
export function RunningVersionCard({ status }: { status: HostStatus }) {
  const { running, calls } = status;
  const since = parseTime(running?.since);
  const total = calls.ok + calls.errors + calls.traps;
  const previous = status.fallback ?? status.previous;
  const facts: [string, string | undefined][] = [
    ["Started", since === undefined ? undefined : formatTime(since)],
    ["Model", running?.modelId],
    ["Previous", previous ? versionLabel(previous) : "None"],
    [
      "Calls",
      `${total.toLocaleString("en")} (${formatCount(calls.errors, "error")}, ${formatCount(calls.traps, "trap")})`,
    ],
    ["Average call", total > 0 ? formatDuration(calls.totalMs / total) : undefined],
    ["Process ID", String(status.pid)],
  ];
  return (
    <section class="card">
      <header class="card-header">
        <h2>Running version</h2>
        <StateChip state={status} />
      </header>
      <p class="metric">
        {running ? running.name : "–"}
        <small>{running?.version}</small>
      </p>
      <p class="muted state-text">{stateText(status)}</p>
      {status.suspended.map(({ cause, reason, remainingMs }) => (
        <p key={cause} class="state-text">
          <Chip tone="danger">Suspended</Chip> {cause}: {reason}. Next attempt in{" "}
          {Math.ceil(remainingMs / 1000)} s.
        </p>
      ))}
      <dl class="detail-list">
        {running && (
          <div>
            <dt>SHA-256</dt>
            <dd>
              <span class="hash">{running.sha256}</span>{" "}
              <CopyButton text={running.sha256} label="SHA-256" />
            </dd>
          </div>
        )}
        {facts.map(
          ([name, value]) =>
            value !== undefined && (
              <div key={name}>
                <dt>{name}</dt>
                <dd>{value}</dd>
              </div>
            ),
        )}
      </dl>
      <ResourceUsage status={status} />
    </section>
  );
}

function StateChip({ state }: { state: HostState }) {
  if (state.state === "accepted") return <Chip tone="success">Accepted</Chip>;
  return state.probation ? (
    <Chip tone="warning">On probation</Chip>
  ) : (
    <Chip tone="danger">Suspended</Chip>
  );
}

function stateText(state: HostState): string {
  if (state.probation) return probationRemaining(state) ?? "";
  if (!state.suspension) return "Running normally.";
  const { reason, remainingMs } = state.suspension;
  return `Suspended because it does not start: ${reason}. Next attempt in ${Math.ceil(remainingMs / 1000)} s.`;
}
