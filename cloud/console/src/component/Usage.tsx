import type { HostStatus } from "../cloud/host.ts";
import { size, span } from "../words.ts";
import { LIMITS, limitShown } from "./limits.ts";

/** What the component takes of what it may, and what else it may. */
export function Usage({ status: { calls, limits } }: { status: HostStatus }) {
  return (
    <>
      <h3>Limits</h3>
      <dl class="facts usage">
        <Part title="Memory" used={calls.memory} shown={size(calls.memory)} name="memory" limits={limits} />
        <Part title="Longest call" used={calls.longest * 1000} shown={span(calls.longest * 1000)} name="wall" limits={limits} />
      </dl>
      <details>
        <summary>All limits</summary>
        <dl class="facts limits">
          {LIMITS.map(({ name, title }) => (
            <div key={name} title={`--limit ${name}=…`}><dt>{title}</dt><dd>{limitShown(name, limits) ?? "–"}</dd></div>
          ))}
        </dl>
      </details>
    </>
  );
}

interface PartProps {
  title: string;
  used: number;
  /** The same in words. */
  shown: string;
  /** The limit's. */
  name: string;
  limits: HostStatus["limits"];
}

function Part({ title, used, shown, name, limits }: PartProps) {
  const limit = limits[name] ?? 0;
  const words = `${shown} of ${limitShown(name, limits) ?? "–"}`;
  return (
    <div>
      <dt>{title}</dt>
      <dd>{words}<meter value={used} max={limit} high={limit * 0.8} aria-label={title}>{words}</meter></dd>
    </div>
  );
}
