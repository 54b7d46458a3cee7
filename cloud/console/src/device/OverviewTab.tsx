import { useState } from "preact/hooks";
import { propertyState } from "../api/propertyState.ts";
import { Chart } from "../chart/Chart.tsx";
import { useNow } from "../components/hooks.ts";
import { EmptyState } from "../components/States.tsx";
import { Value } from "../components/Value.tsx";
import { formatAge } from "../format.ts";
import type { Json } from "../json.ts";
import type { DeviceLog } from "../live/deviceLog.ts";
import {
  capabilityPath,
  findTargetProperty,
  type Interface,
  type Telemetry,
} from "../model/interface.ts";
import { Activity } from "./Activity.tsx";
import { RunningComponent } from "./RunningComponent.tsx";
import type { TabProps } from "./tab.ts";

/** Latest values of all capabilities, and a chart of one telemetry. */
export function OverviewTab({ twin, model, log }: TabProps) {
  const [selectedPath, setSelectedPath] = useState<string>();
  log.changes.value;
  const telemetry = allTelemetry(model, log);
  const shown =
    telemetry.find((one) => capabilityPath(one) === selectedPath) ??
    telemetry.find((one) => log.series.has(capabilityPath(one))) ??
    telemetry[0];
  const target = shown && findTargetProperty(model, shown);
  const properties = model?.properties.filter((property) => !property.component) ?? [];
  return (
    <>
      <div class="tiles">
        {telemetry.map((one) => (
          <TelemetryTile
            key={capabilityPath(one)}
            telemetry={one}
            log={log}
            isSelected={one === shown}
            onSelect={() => setSelectedPath(capabilityPath(one))}
          />
        ))}
        {properties.map((property) => (
          <Tile
            key={capabilityPath(property)}
            title={property.title}
            unit={property.unit}
            decimalPlaces={property.decimalPlaces}
            value={propertyState(twin, undefined, property.name).reported}
          />
        ))}
      </div>
      {shown ? (
        <Chart
          log={log}
          path={capabilityPath(shown)}
          title={shown.title}
          unit={shown.unit}
          decimalPlaces={shown.decimalPlaces}
          target={target && capabilityPath(target)}
        />
      ) : (
        <EmptyState title="No telemetry">The chart starts with the first message.</EmptyState>
      )}
      <div class="columns">
        <RunningComponent twin={twin} />
        <Activity log={log} />
      </div>
    </>
  );
}

/**
 * Lists the telemetry of the model, followed by received telemetry that the model does not define.
 */
function allTelemetry(model: Interface | undefined, log: DeviceLog): Telemetry[] {
  const modelled = model?.telemetry ?? [];
  const known = new Set(modelled.map(capabilityPath));
  const others = [...log.latest.keys()].filter((name) => !known.has(name));
  return [...modelled, ...others.map(unmodelledTelemetry)];
}

function unmodelledTelemetry(name: string): Telemetry {
  return {
    name,
    title: name,
    schema: { kind: "any" },
    unit: undefined,
    semanticType: undefined,
    description: undefined,
    component: undefined,
  };
}

interface TelemetryTileProps {
  telemetry: Telemetry;
  log: DeviceLog;
  isSelected: boolean;
  onSelect: () => void;
}

function TelemetryTile({ telemetry, log, isSelected, onSelect }: TelemetryTileProps) {
  const now = useNow();
  const latest = log.latest.get(capabilityPath(telemetry));
  return (
    <button type="button" class="tile telemetry" aria-pressed={isSelected} onClick={onSelect}>
      <span class="title">
        {telemetry.component ? `${telemetry.component} · ` : ""}
        {telemetry.title}
      </span>
      <Value value={latest?.value} unit={telemetry.unit} decimalPlaces={telemetry.decimalPlaces} />
      <span class="muted">{latest ? formatAge(latest.at, now) : "No data"}</span>
    </button>
  );
}

function Tile({
  title,
  value,
  unit,
  decimalPlaces,
}: {
  title: string;
  value: Json | undefined;
  unit: string | undefined;
  decimalPlaces: number | undefined;
}) {
  return (
    <div class="tile">
      <span class="title">{title}</span>
      <Value value={value} unit={unit} decimalPlaces={decimalPlaces} />
      <span class="muted">{value === undefined ? "Not reported" : "Reported"}</span>
    </div>
  );
}
