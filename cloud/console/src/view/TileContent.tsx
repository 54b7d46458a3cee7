import type { Capability, Tile, TileKind } from "../api/templates.ts";
import { Chart } from "../chart/Chart.tsx";
import { CommandCard } from "../device/CommandCard.tsx";
import { PropertyCard } from "../device/PropertyCard.tsx";
import type { TabProps } from "../device/tab.ts";
import { capabilityPath, findTargetProperty } from "../model/interface.ts";
import { CAPABILITY_NOUNS, capabilityLabel, findCapability, isNumeric } from "./capabilities.ts";
import { LastProperty, LastTelemetry } from "./LastValue.tsx";

/** Content of a tile for a device. */
export function TileContent({ tile, ...props }: TabProps & { tile: Tile }) {
  const Content = TILE_COMPONENTS[tile.kind];
  return (
    <>
      {tile.title && <h3 class="tile-title">{tile.title}</h3>}
      <div class="tile-content">
        {tile.shows.map((capability) => (
          <Content key={capabilityPath(capability)} capability={capability} {...props} />
        ))}
      </div>
    </>
  );
}

type Props = TabProps & { capability: Capability };

const TILE_COMPONENTS: Record<TileKind, (props: Props) => preact.JSX.Element> = {
  value: LastValue,
  chart: TelemetryChart,
  properties: PropertyForm,
  command: CommandForm,
};

function LastValue({ capability, model, twin, log }: Props) {
  const telemetry = findCapability(model?.telemetry, capability);
  const property = findCapability(model?.properties, capability);
  if (telemetry) return <LastTelemetry telemetry={telemetry} log={log} />;
  return property ? (
    <LastProperty property={property} twin={twin} />
  ) : (
    <MissingCapability kind="value" capability={capability} />
  );
}

function TelemetryChart({ capability, model, log }: Props) {
  const telemetry = findCapability(model?.telemetry.filter(isNumeric), capability);
  if (!telemetry) return <MissingCapability kind="chart" capability={capability} />;
  const target = findTargetProperty(model, telemetry);
  return (
    <Chart
      log={log}
      path={capabilityPath(telemetry)}
      title={capabilityLabel(telemetry)}
      unit={telemetry.unit}
      decimalPlaces={telemetry.decimalPlaces}
      target={target && capabilityPath(target)}
    />
  );
}

function PropertyForm({ capability, model, device, twin, onChange }: Props) {
  const property = findCapability(model?.properties, capability);
  if (!property) return <MissingCapability kind="properties" capability={capability} />;
  return (
    <PropertyCard
      device={device}
      twin={twin}
      property={{ ...property, title: capabilityLabel(property) }}
      isModelled
      onChange={onChange}
    />
  );
}

function CommandForm({ capability, model, device }: Props) {
  const command = findCapability(model?.commands, capability);
  return command ? (
    <CommandCard device={device} command={command} />
  ) : (
    <MissingCapability kind="command" capability={capability} />
  );
}

function MissingCapability({ kind, capability }: { kind: TileKind; capability: Capability }) {
  return (
    <p class="notice">
      The model no longer has the {CAPABILITY_NOUNS[kind]} <code>{capabilityPath(capability)}</code>
      .
    </p>
  );
}
