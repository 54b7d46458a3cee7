import { useEffect, useRef } from "preact/hooks";
import { hostOf } from "../cloud/host.ts";
import { publishedViews, type View } from "../cloud/templates.ts";
import type { Twin } from "../cloud/twin.ts";
import { DeviceState } from "../devices/DeviceTable.tsx";
import type { DeviceLog } from "../live/device.ts";
import { hearing } from "../live/stream.ts";
import type { Interface } from "../model/interface.ts";
import { Chip } from "../part/Chip.tsx";
import { Empty, Skeleton, Trouble } from "../part/State.tsx";
import { type Asked, useAsked } from "../part/use.ts";
import { deviceAddress, DEVICES, type Place, type Tab, TABS, templateAddress } from "../route.ts";
import { UnknownModel } from "../template/UnknownModel.tsx";
import { TraceTab } from "../trace/TraceTab.tsx";
import { ViewTab } from "../view/ViewTab.tsx";
import { CommandsTab } from "./CommandsTab.tsx";
import { ComponentTab } from "./ComponentTab.tsx";
import { DataTab } from "./DataTab.tsx";
import { FaultsTab } from "./FaultsTab.tsx";
import { type Knowledge, useLog, useModel, useTwin } from "./live.ts";
import { OverviewTab } from "./OverviewTab.tsx";
import { PropertiesTab } from "./PropertiesTab.tsx";
import { TwinTab } from "./TwinTab.tsx";

/** What every tab is given. */
export interface TabProps {
  device: string;
  twin: Twin;
  /** Nothing for a model the cloud does not know, or while it is asked for. */
  model: Interface | undefined;
  log: DeviceLog;
  /** Asks for the twin once more. */
  onChange: () => void;
}

const TITLES: Record<Tab, string> = {
  overview: "Overview",
  properties: "Properties",
  commands: "Commands",
  data: "Raw data",
  twin: "Twin",
  trace: "Trace",
  component: "Component",
  faults: "Faults",
};

const SHOWN: Record<Tab, (props: TabProps) => preact.JSX.Element> = {
  overview: OverviewTab,
  properties: PropertiesTab,
  commands: CommandsTab,
  data: DataTab,
  twin: TwinTab,
  trace: TraceTab,
  component: ComponentTab,
  faults: FaultsTab,
};

/** Where values and forms are made from the model, and from nothing else or less well. */
const OF_MODEL: Place[] = ["overview", "properties", "commands"];

/** One device. */
export function DevicePage({ device, place }: { device: string; place: Place }) {
  const log = useLog(device);
  const asked = useTwin(device, log);
  const twin = asked.value;
  const known = useModel(twin?.model);
  const views = useViews(twin, place);
  const places = usePlaces(device, twin?.connected, views);
  const title = titleOf(place);
  const isView = typeof place !== "string";
  useEffect(() => {
    document.title = `${device} · ${title} · Local cloud`;
  }, [device, title]);
  if (asked.isMissing) return <Missing device={device} />;
  return (
    <>
      <DeviceHead device={device} twin={twin} known={known} />
      <Tabs device={device} shown={place} places={places} />
      {asked.trouble && !twin && <Trouble>{asked.trouble}</Trouble>}
      {!twin && !asked.trouble && <Skeleton lines={6} />}
      {twin?.model && known.isUnknown && (isView || OF_MODEL.includes(place)) && <UnknownModel id={twin.model} />}
      {twin && !(isView && known.isUnknown) && (
        <Shown place={place} views={views} device={device} twin={twin} model={known.model} log={log} onChange={asked.again} />
      )}
    </>
  );
}

/** It may come: then its page is shown by itself. */
function Missing({ device }: { device: string }) {
  return (
    <Empty title="There is no such device.">
      No device is called <code>{device}</code>, or it was deleted. <a href={DEVICES}>All devices</a>
    </Empty>
  );
}

function Shown({ place, views, ...props }: TabProps & { place: Place; views: Asked<readonly View[] | undefined> }) {
  if (typeof place !== "string") return <ViewTab name={place.view} views={views} {...props} />;
  const Tab = SHOWN[place];
  return <Tab {...props} />;
}

function titleOf(place: Place): string {
  return typeof place === "string" ? TITLES[place] : place.view;
}

function Tabs({ device, shown, places }: { device: string; shown: Place; places: Place[] }) {
  const current = deviceAddress(device, shown);
  const nav = useRef<HTMLElement>(null);
  // Where there is no room for all of them, the one that is shown is to be seen.
  useEffect(() => nav.current?.querySelector("[aria-current]")?.scrollIntoView({ block: "nearest", inline: "center" }), [current, places.length]);
  return (
    <nav class="tabs" aria-label="Device" ref={nav}>
      {places.map((place) => {
        const address = deviceAddress(device, place);
        return <a key={address} href={address} aria-current={address === current ? "page" : undefined}>{titleOf(place)}</a>;
      })}
    </nav>
  );
}

function DeviceHead({ device, twin, known }: { device: string; twin: Twin | undefined; known: Knowledge }) {
  return (
    <div class="head">
      <div>
        <h1>{device}</h1>
        <p class="faint model">{twin ? <ModelLine twin={twin} known={known} /> : "\u00a0"}</p>
      </div>
      {twin && (hearing.value === "lost" ? <Chip tone="quiet">Not known</Chip> : <DeviceState twin={twin} />)}
    </div>
  );
}

function ModelLine({ twin, known: { model, isUnknown } }: { twin: Twin; known: Knowledge }) {
  if (!twin.model) return <>It has announced no model.</>;
  if (isUnknown) return <>{twin.model}, which the cloud does not know</>;
  return <>{model && <><a href={templateAddress(model.id)}>{model.title}</a> · </>}{twin.model}</>;
}

/** The views that are published for the device's model, asked for again with each place that is shown. */
function useViews(twin: Twin | undefined, place: Place): Asked<readonly View[] | undefined> {
  const asking = async () => twin && (twin.model ? await publishedViews(twin.model) : []);
  return useAsked(asking, [twin?.model, twin === undefined, place]);
}

/** Every place there is: without what only a device has whose host runs beside the cloud, and none while views are asked for. */
function usePlaces(device: string, connected: boolean | undefined, views: Asked<readonly View[] | undefined>): Place[] {
  const host = useAsked(() => hostOf(device), [device, connected]);
  if (!views.value && !views.trouble) return [];
  const [first, ...others] = TABS.filter((tab) => tab !== "component" || host.value);
  const ofTemplate = views.value?.map((view) => ({ view: view.name })) ?? [];
  return [first ?? "overview", ...ofTemplate, ...others];
}
