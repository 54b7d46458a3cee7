import { type ActiveFault, faultName } from "../api/faults.ts";
import { Chip } from "../components/Chip.tsx";
import { useNow } from "../components/hooks.ts";
import { formatAge, formatTime, parseTime } from "../format.ts";

interface Props {
  faults: ActiveFault[];
  device: string;
  onClear: (fault: ActiveFault) => void;
  onClearAll: () => void;
}

/** Active faults, with buttons that clear them. */
export function ActiveFaults({ faults, device, onClear, onClearAll }: Props) {
  const now = useNow();
  return (
    <section class="card active-faults">
      <header class="card-header">
        <h2>Active faults</h2>
        <button type="button" class="small" disabled={faults.length === 0} onClick={onClearAll}>
          Clear all
        </button>
      </header>
      {faults.length === 0 && <p class="muted">No active faults</p>}
      <ul>
        {faults.map((one) => (
          <li key={`${faultName(one.fault)} ${one.device ?? ""}`}>
            <Chip tone="danger">{faultName(one.fault)}</Chip>
            <span>{scopeOf(one, device)}</span>
            <span class="muted">{timingOf(one, now)}</span>
            <button
              type="button"
              class="small"
              onClick={() => onClear(one)}
              aria-label={`Clear ${faultName(one.fault)}`}
            >
              Clear
            </button>
          </li>
        ))}
      </ul>
    </section>
  );
}

function scopeOf(fault: ActiveFault, device: string): string {
  if (!fault.device) return "All devices";
  return fault.device === device ? "This device" : fault.device;
}

function timingOf(fault: ActiveFault, now: number): string {
  const since = parseTime(fault.since);
  const until = parseTime(fault.until);
  const started = since === undefined ? "" : `started ${formatAge(since, now)}`;
  return until === undefined ? started : `${started}, ends ${formatTime(until)}`;
}
