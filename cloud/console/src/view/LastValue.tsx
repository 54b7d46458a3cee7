import { propertyState } from "../api/propertyState.ts";
import type { Twin } from "../api/twin.ts";
import { useNow } from "../components/hooks.ts";
import { Value } from "../components/Value.tsx";
import { formatAge, formatTime } from "../format.ts";
import type { Json } from "../json.ts";
import type { DeviceLog } from "../live/deviceLog.ts";
import { capabilityPath, type Property, type Telemetry } from "../model/interface.ts";
import { capabilityLabel } from "./capabilities.ts";

/** Last known value of a telemetry. */
export function LastTelemetry({ telemetry, log }: { telemetry: Telemetry; log: DeviceLog }) {
  const now = useNow();
  log.changes.value;
  const latest = log.latest.get(capabilityPath(telemetry));
  return (
    <LastValueItem
      capability={telemetry}
      value={latest?.value}
      when={latest ? formatAge(latest.at, now) : "No data"}
    />
  );
}

/** Last reported value of a property. */
export function LastProperty({ property, twin }: { property: Property; twin: Twin }) {
  const { reported, reportedAt } = propertyState(twin, property.component, property.name);
  return (
    <LastValueItem
      capability={property}
      value={reported}
      when={reportedAt === undefined ? "Not reported" : `Reported ${formatTime(reportedAt)}`}
    />
  );
}

function LastValueItem({
  capability,
  value,
  when,
}: {
  capability: Telemetry;
  value: Json | undefined;
  when: string;
}) {
  return (
    <div class="last-value" data-capability={capability.name}>
      <span class="title">{capabilityLabel(capability)}</span>
      <Value value={value} unit={capability.unit} decimalPlaces={capability.decimalPlaces} />
      <span class="muted">{when}</span>
    </div>
  );
}
