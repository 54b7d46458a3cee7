import type { HostStatus } from "../cloud/host.ts";
import { isWithdrawn, type Swap, told } from "../live/swap.ts";
import { Chip } from "../part/Chip.tsx";
import { clock, shortHash, span } from "../words.ts";
import { told as stepTold } from "./stages.ts";

/** What became of the versions of a device, the newest first. `swaps` are those its host has reported. */
export function SwapHistory({ swaps, status }: { swaps: readonly Swap[]; status: HostStatus }) {
  return (
    <section class="card">
      <h2>History</h2>
      {swaps.length === 0 && <Unreported status={status} />}
      <ol class="happenings history">
        {swaps.toReversed().map((swap) => (
          <li key={`${swap.at}${swap.result}`}>
            <time>{clock(swap.at)}</time>
            <Chip tone={isWithdrawn(swap) ? "bad" : swap.result === "accepted" ? "good" : "accent"}>{swap.result}</Chip>
            <span>{inWords(swap)}</span>
          </li>
        ))}
      </ol>
      {status.quarantined.length > 0 && (
        <>
          <h3>Not taken again</h3>
          <ul class="happenings">
            {status.quarantined.map(({ sha256, reason }) => (
              <li key={sha256}><code title={sha256}>{shortHash(sha256)}</code><span>{reason}</span></li>
            ))}
          </ul>
        </>
      )}
    </section>
  );
}

/** What is known of a host that reports nothing: the last step. */
function Unreported({ status }: { status: HostStatus }) {
  const last = status.lastSwap;
  if (!last) return <p class="faint">No version has followed another so far.</p>;
  return (
    <p class="faint">
      Last: {last.step}. {stepTold(last)} With <code>--report-host</code> the host reports each step, and they are listed here.
    </p>
  );
}

/** How the cloud calls what was sent to it, on the way to the host. */
const ON_THE_WAY = /\S*\/cloud-component-[0-9a-f]{32}\.wasm/g;

function inWords(swap: Swap): string {
  const hash = swap.sha256 && shortHash(swap.sha256);
  // A refusal repeats the pause of the swap before.
  const pause = swap.pause === undefined || swap.result === "refused" ? undefined : `pause ${span(swap.pause)}`;
  return [told(swap), hash, pause, swap.reason?.replaceAll(ON_THE_WAY, "that was sent")].filter(Boolean).join(" · ");
}
