import { type Acknowledgment, propertyState } from "../api/propertyState.ts";
import { setDesired, type Twin } from "../api/twin.ts";
import { Chip } from "../components/Chip.tsx";
import { Value } from "../components/Value.tsx";
import { formatDuration, formatTime } from "../format.ts";
import type { Property } from "../model/interface.ts";
import { ValueForm } from "./ValueForm.tsx";

interface Props {
  device: string;
  twin: Twin;
  property: Property;
  isModelled: boolean;
  onChange: () => void;
}

/** Property with its reported value, a form for the desired value, and its acknowledgment. */
export function PropertyCard({ device, twin, property, isModelled, onChange }: Props) {
  const { reported, desired, reportedAt, acknowledgment } = propertyState(
    twin,
    property.component,
    property.name,
  );
  return (
    <article class="card property" data-property={property.name}>
      <header>
        <h3>{property.title}</h3>
        {property.title !== property.name && <code class="muted">{property.name}</code>}
        {!isModelled && (
          <Chip tone="warning" title="The device model does not define this property">
            Not in the model
          </Chip>
        )}
      </header>
      {property.description && <p class="muted">{property.description}</p>}
      <p class="reported">
        <Value value={reported} unit={property.unit} decimalPlaces={property.decimalPlaces} />
        <span class="muted">
          {reportedAt === undefined ? "Not reported" : `Reported ${formatTime(reportedAt)}`}
        </span>
      </p>
      {property.writable && (
        <ValueForm
          label="Desired value"
          property={property}
          current={desired}
          onSet={async (value) => {
            await setDesired(device, property.component, property.name, value);
            onChange();
          }}
        />
      )}
      <AcknowledgmentStatus acknowledgment={acknowledgment} connected={twin.connected} />
    </article>
  );
}

function AcknowledgmentStatus({
  acknowledgment,
  connected,
}: {
  acknowledgment: Acknowledgment | undefined;
  connected: boolean;
}) {
  if (!acknowledgment) return null;
  if (acknowledgment.state === "pending") {
    return (
      <p class="outcome" role="status">
        <Chip tone="warning">Pending · v{acknowledgment.version}</Chip>
        {!connected && <span class="muted">Sent when the device connects.</span>}
      </p>
    );
  }
  const { state, version, code, latency, description } = acknowledgment;
  const parts = [`v${version}`, code, latency === undefined ? undefined : formatDuration(latency)];
  return (
    <p class="outcome" role="status">
      <Chip tone={state === "accepted" ? "success" : "danger"}>
        {state === "accepted" ? "Accepted" : "Rejected"}{" "}
        {parts.filter((part) => part !== undefined).join(" · ")}
      </Chip>
      {description && <span class="muted">{description}</span>}
    </p>
  );
}
