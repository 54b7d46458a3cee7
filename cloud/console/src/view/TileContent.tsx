import { Chart } from "../chart/Chart.tsx";
import type { Capability, Tile, TileKind } from "../cloud/templates.ts";
import { CommandCard } from "../device/CommandsTab.tsx";
import type { TabProps } from "../device/DevicePage.tsx";
import { PropertyCard } from "../device/PropertyCard.tsx";
import { path, targetOf } from "../model/interface.ts";
import { LastReported, LastSent } from "./LastValue.tsx";
import { isNumber, label, named, NOUNS } from "./shown.ts";

/** What a tile shows of a device, and lets do with it. */
export function TileContent({ tile, ...props }: TabProps & { tile: Tile }) {
  const Kind = KINDS[tile.kind];
  return (
    <>
      {tile.title && <h3 class="tile-title">{tile.title}</h3>}
      <div class="shows">
        {tile.shows.map((capability) => <Kind key={path(capability)} capability={capability} {...props} />)}
      </div>
    </>
  );
}

type Props = TabProps & { capability: Capability };

const KINDS: Record<TileKind, (props: Props) => preact.JSX.Element> = {
  value: LastValue,
  chart: TelemetryChart,
  properties: PropertyForm,
  command: CommandForm,
};

function LastValue({ capability, model, twin, log }: Props) {
  const telemetry = named(model?.telemetry, capability);
  const property = named(model?.properties, capability);
  if (telemetry) return <LastSent telemetry={telemetry} log={log} />;
  return property ? <LastReported property={property} twin={twin} /> : <Missing kind="value" capability={capability} />;
}

function TelemetryChart({ capability, model, log }: Props) {
  const telemetry = named(model?.telemetry.filter(isNumber), capability);
  if (!telemetry) return <Missing kind="chart" capability={capability} />;
  const target = targetOf(model, telemetry);
  return <Chart log={log} path={path(telemetry)} title={label(telemetry)} unit={telemetry.unit} target={target && path(target)} />;
}

function PropertyForm({ capability, model, device, twin, onChange }: Props) {
  const property = named(model?.properties, capability);
  if (!property) return <Missing kind="properties" capability={capability} />;
  return <PropertyCard device={device} twin={twin} property={{ ...property, title: label(property) }} isNamed onChange={onChange} />;
}

function CommandForm({ capability, model, device }: Props) {
  const command = named(model?.commands, capability);
  return command ? <CommandCard device={device} command={command} /> : <Missing kind="command" capability={capability} />;
}

function Missing({ kind, capability }: { kind: TileKind; capability: Capability }) {
  return <p class="notice">The model has no {NOUNS[kind]} <code>{path(capability)}</code> any more.</p>;
}
