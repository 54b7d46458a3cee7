import { componentNames, propertyNames } from "../api/propertyState.ts";
import type { Twin } from "../api/twin.ts";
import { EmptyState } from "../components/States.tsx";
import { HOST_COMPONENT } from "../live/swap.ts";
import { capabilityPath, type Interface, type Property } from "../model/interface.ts";
import { CloudProperties } from "./CloudProperties.tsx";
import { PropertyCard } from "./PropertyCard.tsx";
import { RunningComponent } from "./RunningComponent.tsx";
import type { TabProps } from "./tab.ts";

/** Reported and desired properties of the device, and those that the cloud keeps about it. */
export function PropertiesTab({ device, twin, model, onChange }: TabProps) {
  const groups = groupByComponent(model, twin);
  const cloudProperties = model?.cloudProperties ?? [];
  if (groups.length === 0 && cloudProperties.length === 0) {
    return (
      <EmptyState title="No properties">Properties appear when the device reports them.</EmptyState>
    );
  }
  return (
    <>
      {groups.map(({ component, properties }) => (
        <section key={component ?? ""}>
          {component && <h2 class="group-title">{component}</h2>}
          <div class="properties">
            {properties.map(({ property, isModelled }) => (
              <PropertyCard
                key={capabilityPath(property)}
                device={device}
                twin={twin}
                property={property}
                isModelled={isModelled}
                onChange={onChange}
              />
            ))}
          </div>
        </section>
      ))}
      <CloudProperties
        device={device}
        twin={twin}
        properties={cloudProperties}
        onChange={onChange}
      />
      <RunningComponent twin={twin} />
    </>
  );
}

interface ListedProperty {
  readonly property: Property;
  /** True if the model defines the property. */
  readonly isModelled: boolean;
}

/** Groups the properties: root component first, then each component. */
function groupByComponent(
  model: Interface | undefined,
  twin: Twin,
): { component: string | undefined; properties: ListedProperty[] }[] {
  const twinComponents = [...componentNames(twin.reported), ...componentNames(twin.desired)];
  const modelComponents = (model?.properties ?? []).flatMap((property) => property.component ?? []);
  const all = [undefined, ...new Set([...modelComponents, ...twinComponents])].filter(
    (component) => component !== HOST_COMPONENT,
  );
  const groups = all.map((component) => ({
    component,
    properties: propertiesOf(model, twin, component),
  }));
  return groups.filter((group) => group.properties.length > 0);
}

function propertiesOf(
  model: Interface | undefined,
  twin: Twin,
  component: string | undefined,
): ListedProperty[] {
  const modelled = model?.properties.filter((property) => property.component === component) ?? [];
  const known = new Set(modelled.map((property) => property.name));
  if (!component)
    for (const name of [...componentNames(twin.reported), ...componentNames(twin.desired)])
      known.add(name);
  const others = new Set(
    [...propertyNames(twin.reported, component), ...propertyNames(twin.desired, component)].filter(
      (name) => !known.has(name),
    ),
  );
  return [
    ...modelled.map((property) => ({ property, isModelled: true })),
    ...[...others].map((name) => ({
      property: unmodelledProperty(name, component),
      isModelled: false,
    })),
  ];
}

function unmodelledProperty(name: string, component: string | undefined): Property {
  return {
    name,
    title: name,
    component,
    description: undefined,
    schema: { kind: "any" },
    unit: undefined,
    semanticType: undefined,
    writable: true,
  };
}
