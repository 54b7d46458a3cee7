import { cloudProperty, setCloudProperty, type Twin } from "../api/twin.ts";
import { Value } from "../components/Value.tsx";
import { capabilityPath, type Property } from "../model/interface.ts";
import { ValueForm } from "./ValueForm.tsx";

interface Props {
  device: string;
  twin: Twin;
  properties: Property[];
  onChange: () => void;
}

/** Cloud properties of a device: they are tags of its twin, which the device does not get. */
export function CloudProperties({ properties, ...props }: Props) {
  if (properties.length === 0) return null;
  return (
    <section>
      <h2 class="group-title">Cloud properties</h2>
      <p class="muted">The cloud keeps them as tags. The device does not get them.</p>
      <div class="properties">
        {properties.map((property) => (
          <CloudPropertyCard key={capabilityPath(property)} property={property} {...props} />
        ))}
      </div>
    </section>
  );
}

function CloudPropertyCard({
  device,
  twin,
  property,
  onChange,
}: Omit<Props, "properties"> & { property: Property }) {
  const value = cloudProperty(twin, property);
  const path = capabilityPath(property);
  return (
    <article class="card property" data-cloud-property={path}>
      <header>
        <h3>{property.title}</h3>
        {property.title !== path && <code class="muted">{path}</code>}
      </header>
      {property.description && <p class="muted">{property.description}</p>}
      <p class="reported">
        <Value value={value} unit={property.unit} decimalPlaces={property.decimalPlaces} />
        {value === undefined && <span class="muted">Not set</span>}
      </p>
      <ValueForm
        label="Value"
        property={property}
        current={value}
        onSet={async (next) => {
          await setCloudProperty(device, property, value, next);
          onChange();
        }}
      />
    </article>
  );
}
