import { components, names } from "../cloud/acknowledgment.ts";
import type { Twin } from "../cloud/twin.ts";
import { type Interface, path, type Property } from "../model/interface.ts";
import { Empty } from "../part/State.tsx";
import { PropertyCard } from "./PropertyCard.tsx";
import { HOST } from "../live/swap.ts";
import type { TabProps } from "./DevicePage.tsx";
import { Running } from "./Running.tsx";

/** What the device says it is, and what it is to be. */
export function PropertiesTab({ device, twin, model, onChange }: TabProps) {
  const groups = grouped(model, twin);
  if (groups.length === 0) {
    return <Empty title="There are no properties yet.">They appear when the device reports some.</Empty>;
  }
  return (
    <>
      {groups.map(({ component, properties }) => (
        <section key={component ?? ""}>
          {component && <h2 class="group">{component}</h2>}
          <div class="properties">
            {properties.map(({ property, isNamed }) => (
              <PropertyCard key={path(property)} device={device} twin={twin} property={property} isNamed={isNamed} onChange={onChange} />
            ))}
          </div>
        </section>
      ))}
      <Running twin={twin} />
    </>
  );
}

interface Shown {
  readonly property: Property;
  /** Whether the model has it. */
  readonly isNamed: boolean;
}

/** The properties of the device itself, then those of each component. */
function grouped(model: Interface | undefined, twin: Twin): { component: string | undefined; properties: Shown[] }[] {
  const ofTwin = [...components(twin.reported), ...components(twin.desired)];
  const ofModel = (model?.properties ?? []).flatMap((property) => property.component ?? []);
  const all = [undefined, ...new Set([...ofModel, ...ofTwin])].filter((component) => component !== HOST);
  const groups = all.map((component) => ({ component, properties: properties(model, twin, component) }));
  return groups.filter((group) => group.properties.length > 0);
}

function properties(model: Interface | undefined, twin: Twin, component: string | undefined): Shown[] {
  const named = model?.properties.filter((property) => property.component === component) ?? [];
  const known = new Set(named.map((property) => property.name));
  if (!component) for (const name of [...components(twin.reported), ...components(twin.desired)]) known.add(name);
  const others = new Set([...names(twin.reported, component), ...names(twin.desired, component)].filter((name) => !known.has(name)));
  return [
    ...named.map((property) => ({ property, isNamed: true })),
    ...[...others].map((name) => ({ property: unnamed(name, component), isNamed: false })),
  ];
}

function unnamed(name: string, component: string | undefined): Property {
  return { name, title: name, component, description: undefined, schema: { kind: "any" }, unit: undefined, semantic: undefined, writable: true };
}
