import { standing } from "../cloud/acknowledgment.ts";
import type { Twin } from "../cloud/twin.ts";
import type { Json } from "../json.ts";
import type { DeviceLog } from "../live/device.ts";
import { path, type Property, type Telemetry } from "../model/interface.ts";
import { Value } from "../part/Value.tsx";
import { useNow } from "../part/use.ts";
import { ago, clock } from "../words.ts";
import { label } from "./shown.ts";

/** What was last sent of a telemetry. */
export function LastSent({ telemetry, log }: { telemetry: Telemetry; log: DeviceLog }) {
  const now = useNow();
  log.changes.value;
  const latest = log.latest.get(path(telemetry));
  return <Last of={telemetry} value={latest?.value} when={latest ? ago(latest.at, now) : "nothing yet"} />;
}

/** What was last reported of a property. */
export function LastReported({ property, twin }: { property: Property; twin: Twin }) {
  const { reported, at } = standing(twin, property.component, property.name);
  return <Last of={property} value={reported} when={at === undefined ? "not reported" : `reported ${clock(at)}`} />;
}

function Last({ of, value, when }: { of: Telemetry; value: Json | undefined; when: string }) {
  return (
    <div class="last-value" data-capability={of.name}>
      <span class="title">{label(of)}</span>
      <Value value={value} unit={of.unit} />
      <span class="faint">{when}</span>
    </div>
  );
}
