import { useState } from "preact/hooks";
import { standing } from "../cloud/acknowledgment.ts";
import { Chart } from "../chart/Chart.tsx";
import type { Json } from "../json.ts";
import type { DeviceLog } from "../live/device.ts";
import { type Interface, path, targetOf, type Telemetry } from "../model/interface.ts";
import { Empty } from "../part/State.tsx";
import { Value } from "../part/Value.tsx";
import { useNow } from "../part/use.ts";
import { ago } from "../words.ts";
import type { TabProps } from "./DevicePage.tsx";
import { Happenings } from "./Happenings.tsx";
import { Running } from "./Running.tsx";

/** The last value of everything, and one of them over time. */
export function OverviewTab({ twin, model, log }: TabProps) {
  const [chosen, setChosen] = useState<string>();
  log.changes.value;
  const telemetry = everything(model, log);
  const shown = telemetry.find((one) => path(one) === chosen) ?? telemetry.find((one) => log.series.has(path(one))) ?? telemetry[0];
  const target = shown && targetOf(model, shown);
  const properties = model?.properties.filter((property) => !property.component) ?? [];
  return (
    <>
      <div class="tiles">
        {telemetry.map((one) => (
          <TelemetryTile key={path(one)} telemetry={one} log={log} chosen={one === shown} onChoose={() => setChosen(path(one))} />
        ))}
        {properties.map((property) => (
          <Tile key={path(property)} title={property.title} unit={property.unit} value={standing(twin, undefined, property.name).reported} />
        ))}
      </div>
      {shown
        ? <Chart log={log} path={path(shown)} title={shown.title} unit={shown.unit} target={target && path(target)} />
        : <Empty title="No data has come yet.">The chart begins with the first message.</Empty>}
      <div class="columns">
        <Running twin={twin} />
        <Happenings log={log} />
      </div>
    </>
  );
}

/** What the model names, and then what has come without being named. */
function everything(model: Interface | undefined, log: DeviceLog): Telemetry[] {
  const named = model?.telemetry ?? [];
  const known = new Set(named.map(path));
  const others = [...log.latest.keys()].filter((name) => !known.has(name));
  return [...named, ...others.map(unnamed)];
}

function unnamed(name: string): Telemetry {
  return { name, title: name, schema: { kind: "any" }, unit: undefined, semantic: undefined, description: undefined, component: undefined };
}

interface TelemetryTileProps {
  telemetry: Telemetry;
  log: DeviceLog;
  chosen: boolean;
  onChoose: () => void;
}

function TelemetryTile({ telemetry, log, chosen, onChoose }: TelemetryTileProps) {
  const now = useNow();
  const latest = log.latest.get(path(telemetry));
  return (
    <button type="button" class="tile telemetry" aria-pressed={chosen} onClick={onChoose}>
      <span class="title">{telemetry.component ? `${telemetry.component} · ` : ""}{telemetry.title}</span>
      <Value value={latest?.value} unit={telemetry.unit} />
      <span class="faint">{latest ? ago(latest.at, now) : "nothing yet"}</span>
    </button>
  );
}

function Tile({ title, value, unit }: { title: string; value: Json | undefined; unit: string | undefined }) {
  return (
    <div class="tile">
      <span class="title">{title}</span>
      <Value value={value} unit={unit} />
      <span class="faint">{value === undefined ? "not reported" : "reported"}</span>
    </div>
  );
}
