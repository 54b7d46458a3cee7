import { useEffect, useMemo, useRef } from "preact/hooks";
import { hostOf } from "../cloud/host.ts";
import { model } from "../cloud/models.ts";
import { type Twin, twin as askTwin } from "../cloud/twin.ts";
import { DeviceState } from "../devices/DeviceTable.tsx";
import { DeviceLog } from "../live/device.ts";
import { eventStream } from "../live/event.ts";
import type { Interface } from "../model/interface.ts";
import { Icon } from "../part/Icon.tsx";
import { Empty, Skeleton, Trouble } from "../part/State.tsx";
import { type Asked, useAsked, usePaced } from "../part/use.ts";
import { deviceAddress, DEVICES, type Tab, TABS } from "../route.ts";
import { CommandsTab } from "./CommandsTab.tsx";
import { ComponentTab } from "./ComponentTab.tsx";
import { DataTab } from "./DataTab.tsx";
import { FaultsTab } from "./FaultsTab.tsx";
import { OverviewTab } from "./OverviewTab.tsx";
import { PropertiesTab } from "./PropertiesTab.tsx";
import { TraceTab } from "../trace/TraceTab.tsx";
import { TwinTab } from "./TwinTab.tsx";

/** Events of the past that are asked for. */
const PAST = 50_000;
/** Milliseconds between two questions for the twin, however often it changes. */
const TWIN_PACE = 150;

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

/** One device. */
export function DevicePage({ device, tab }: { device: string; tab: Tab }) {
  const log = useLog(device);
  const asked = useTwin(device, log);
  const id = asked.value?.model;
  const interpreted = useAsked(async () => (id ? await model(id) : undefined), [id]);
  const tabs = useTabs(device, asked.value?.connected);
  useEffect(() => {
    document.title = `${device} · ${TITLES[tab]} · Local cloud`;
  }, [device, tab]);
  const Shown = SHOWN[tab];
  if (asked.isMissing) return <Missing device={device} />;
  return (
    <>
      <DeviceHead device={device} twin={asked.value} model={interpreted.value} />
      <Tabs device={device} shown={tab} tabs={tabs} />
      {asked.trouble && !asked.value && <Trouble>{asked.trouble}</Trouble>}
      {!asked.value && !asked.trouble && <Skeleton lines={6} />}
      {asked.value && (
        <Shown device={device} twin={asked.value} model={interpreted.value} log={log} onChange={asked.again} />
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

function Tabs({ device, shown, tabs }: { device: string; shown: Tab; tabs: Tab[] }) {
  const nav = useRef<HTMLElement>(null);
  // Where there is no room for all of them, the one that is shown is to be seen.
  useEffect(() => nav.current?.querySelector("[aria-current]")?.scrollIntoView({ block: "nearest", inline: "center" }), [shown, tabs.length]);
  return (
    <nav class="tabs" aria-label="Device" ref={nav}>
      {tabs.map((name) => (
        <a key={name} href={deviceAddress(device, name)} aria-current={name === shown ? "page" : undefined}>{TITLES[name]}</a>
      ))}
    </nav>
  );
}

function DeviceHead({ device, twin, model }: { device: string; twin: Twin | undefined; model: Interface | undefined }) {
  return (
    <div class="head">
      <div>
        <a class="crumb" href={DEVICES}><Icon name="back" /> Devices</a>
        <h1>{device}</h1>
        <p class="faint model">{twin ? modelLine(twin, model) : "\u00a0"}</p>
      </div>
      {twin && <DeviceState twin={twin} />}
    </div>
  );
}

function modelLine(twin: Twin, model: Interface | undefined): string {
  if (!twin.model) return "It has announced no model.";
  return model ? `${model.title} · ${model.id}` : `${twin.model}, which the cloud does not know`;
}

/** Every tab, without what only a device has whose host runs beside the cloud. */
function useTabs(device: string, connected: boolean | undefined): Tab[] {
  const host = useAsked(() => hostOf(device), [device, connected]);
  return TABS.filter((tab) => tab !== "component" || host.value);
}

function useLog(device: string): DeviceLog {
  const log = useMemo(() => new DeviceLog(), [device]);
  useEffect(() => {
    const query = `device=${encodeURIComponent(device)}&last=${PAST}`;
    const stream = eventStream(query, (events) => log.take(events));
    return () => stream.close();
  }, [device, log]);
  return log;
}

/** The twin, asked for again whenever an event says that it has changed. */
function useTwin(device: string, log: DeviceLog): Asked<Twin> {
  const asked = useAsked(() => askTwin(device), [device]);
  usePaced(log.twinChanges, TWIN_PACE, asked.again);
  return asked;
}
