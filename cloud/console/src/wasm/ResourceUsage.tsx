import type { HostStatus } from "../api/host.ts";
import { formatBytes, formatDuration } from "../format.ts";
import { formatLimit, LIMITS } from "./limits.ts";

/** Resource usage of the component, and its limits. */
export function ResourceUsage({ status: { calls, limits } }: { status: HostStatus }) {
  return (
    <>
      <h3>Resource usage</h3>
      <dl class="detail-list usage">
        <UsageRow
          title="Memory"
          used={calls.memoryBytes}
          text={formatBytes(calls.memoryBytes)}
          name="memory"
          limits={limits}
        />
        <UsageRow
          title="Longest call"
          used={calls.longestMs}
          text={formatDuration(calls.longestMs)}
          name="wall"
          limits={limits}
        />
      </dl>
      <details>
        <summary>All limits</summary>
        <dl class="detail-list limits">
          {LIMITS.map(({ name, title }) => (
            <div key={name} title={`--limit ${name}=…`}>
              <dt>{title}</dt>
              <dd>{formatLimit(name, limits) ?? "–"}</dd>
            </div>
          ))}
        </dl>
      </details>
    </>
  );
}

interface UsageRowProps {
  title: string;
  used: number;
  /** Formatted value. */
  text: string;
  /** Name of the limit. */
  name: string;
  limits: HostStatus["limits"];
}

function UsageRow({ title, used, text, name, limits }: UsageRowProps) {
  const limit = limits[name] ?? 0;
  const label = `${text} of ${formatLimit(name, limits) ?? "–"}`;
  return (
    <div>
      <dt>{title}</dt>
      <dd>
        {label}
        <meter value={used} max={limit} high={limit * 0.8} aria-label={title}>
          {label}
        </meter>
      </dd>
    </div>
  );
}
