import { nameOf, type Standing } from "../cloud/faults.ts";
import { Chip } from "../part/Chip.tsx";
import { useNow } from "../part/use.ts";
import { ago, clock, moment } from "../words.ts";

interface Props {
  standing: Standing[];
  device: string;
  onEnd: (fault: Standing) => void;
  onClear: () => void;
}

/** The faults that are on, to end them. */
export function StandingFaults({ standing, device, onEnd, onClear }: Props) {
  const now = useNow();
  return (
    <section class="card standing">
      <header class="half">
        <h2>On now</h2>
        <button type="button" class="small" disabled={standing.length === 0} onClick={onClear}>End all</button>
      </header>
      {standing.length === 0 && <p class="faint">No fault is on: the network is as good as it gets.</p>}
      <ul>
        {standing.map((one) => (
          <li key={`${nameOf(one.fault)} ${one.device ?? ""}`}>
            <Chip tone="bad">{nameOf(one.fault)}</Chip>
            <span>{whom(one, device)}</span>
            <span class="faint">{times(one, now)}</span>
            <button type="button" class="small" onClick={() => onEnd(one)} aria-label={`End ${nameOf(one.fault)}`}>End</button>
          </li>
        ))}
      </ul>
    </section>
  );
}

function whom(fault: Standing, device: string): string {
  if (!fault.device) return "for all devices";
  return fault.device === device ? "for this device" : `for ${fault.device}`;
}

function times(fault: Standing, now: number): string {
  const since = moment(fault.since);
  const until = moment(fault.until);
  const begun = since === undefined ? "" : `begun ${ago(since, now)}`;
  return until === undefined ? begun : `${begun}, ends ${clock(until)}`;
}
