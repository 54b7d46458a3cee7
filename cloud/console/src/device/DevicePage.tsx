import { useEffect, useRef } from "preact/hooks";
import { getHostStatus } from "../api/host.ts";
import { getPublishedViews, type View } from "../api/templates.ts";
import type { Twin } from "../api/twin.ts";
import { Chip } from "../components/Chip.tsx";
import { type Query, useQuery } from "../components/hooks.ts";
import { EmptyState, ErrorMessage, Skeleton } from "../components/States.tsx";
import { ConnectionState } from "../devices/ConnectionState.tsx";
import { streamState } from "../live/stream.ts";
import {
  DEVICES_PATH,
  type DeviceTab,
  devicePath,
  STANDARD_TABS,
  type StandardTab,
  templatePath,
} from "../route.ts";
import { UnknownModel } from "../template/UnknownModel.tsx";
import { TraceTab } from "../trace/TraceTab.tsx";
import { ViewTab } from "../view/ViewTab.tsx";
import { CommandsTab } from "./CommandsTab.tsx";
import { ComponentTab } from "./ComponentTab.tsx";
import { DataTab } from "./DataTab.tsx";
import { FaultsTab } from "./FaultsTab.tsx";
import { type ModelState, useDeviceLog, useModel, useTwin } from "./hooks.ts";
import { OverviewTab } from "./OverviewTab.tsx";
import { PropertiesTab } from "./PropertiesTab.tsx";
import { TwinTab } from "./TwinTab.tsx";
import type { TabProps } from "./tab.ts";

const TITLES: Record<StandardTab, string> = {
  overview: "Overview",
  properties: "Properties",
  commands: "Commands",
  data: "Raw data",
  twin: "Twin",
  trace: "Trace",
  component: "Component",
  faults: "Faults",
};

const TAB_COMPONENTS: Record<StandardTab, (props: TabProps) => preact.JSX.Element> = {
  overview: OverviewTab,
  properties: PropertiesTab,
  commands: CommandsTab,
  data: DataTab,
  twin: TwinTab,
  trace: TraceTab,
  component: ComponentTab,
  faults: FaultsTab,
};

/** Tabs built from the device model. */
const MODEL_TABS: DeviceTab[] = ["overview", "properties", "commands"];

/** Page of a device. */
export function DevicePage({ device, tab }: { device: string; tab: DeviceTab }) {
  const log = useDeviceLog(device);
  const query = useTwin(device, log);
  const twin = query.data;
  const modelState = useModel(twin?.model);
  const views = usePublishedViews(twin, tab);
  const tabs = useTabs(device, twin?.connected, views);
  const title = tabTitle(tab);
  const isView = typeof tab !== "string";
  useEffect(() => {
    document.title = `${device} · ${title} · Local cloud`;
  }, [device, title]);
  if (query.isNotFound) return <DeviceNotFound device={device} />;
  return (
    <>
      <DeviceHeader device={device} twin={twin} modelState={modelState} />
      <Tabs device={device} current={tab} tabs={tabs} />
      {query.error && !twin && <ErrorMessage>{query.error}</ErrorMessage>}
      {!twin && !query.error && <Skeleton lines={6} />}
      {twin?.model && modelState.isUnknown && (isView || MODEL_TABS.includes(tab)) && (
        <UnknownModel id={twin.model} />
      )}
      {twin && !(isView && modelState.isUnknown) && (
        <TabContent
          tab={tab}
          views={views}
          device={device}
          twin={twin}
          model={modelState.model}
          log={log}
          onChange={query.refetch}
        />
      )}
    </>
  );
}

/** Message shown while the device does not exist; the page loads when the device is created. */
function DeviceNotFound({ device }: { device: string }) {
  return (
    <EmptyState title="Device not found">
      There is no device with the ID <code>{device}</code>. It may have been deleted.{" "}
      <a href={DEVICES_PATH}>All devices</a>
    </EmptyState>
  );
}

function TabContent({
  tab,
  views,
  ...props
}: TabProps & { tab: DeviceTab; views: Query<readonly View[] | undefined> }) {
  if (typeof tab !== "string") return <ViewTab name={tab.view} views={views} {...props} />;
  const Tab = TAB_COMPONENTS[tab];
  return <Tab {...props} />;
}

function tabTitle(tab: DeviceTab): string {
  return typeof tab === "string" ? TITLES[tab] : tab.view;
}

function Tabs({
  device,
  current,
  tabs,
}: {
  device: string;
  current: DeviceTab;
  tabs: DeviceTab[];
}) {
  const currentPath = devicePath(device, current);
  const nav = useRef<HTMLElement>(null);
  // Keeps the current tab visible in a narrow window.
  useEffect(
    () =>
      nav.current
        ?.querySelector("[aria-current]")
        ?.scrollIntoView({ block: "nearest", inline: "center" }),
    [currentPath, tabs.length],
  );
  return (
    <nav class="tabs" aria-label="Device" ref={nav}>
      {tabs.map((tab) => {
        const path = devicePath(device, tab);
        return (
          <a key={path} href={path} aria-current={path === currentPath ? "page" : undefined}>
            {tabTitle(tab)}
          </a>
        );
      })}
    </nav>
  );
}

function DeviceHeader({
  device,
  twin,
  modelState,
}: {
  device: string;
  twin: Twin | undefined;
  modelState: ModelState;
}) {
  return (
    <div class="page-header">
      <div>
        <h1>{device}</h1>
        <p class="muted model">
          {twin ? <ModelLine twin={twin} modelState={modelState} /> : "\u00a0"}
        </p>
      </div>
      {twin &&
        (streamState.value === "lost" ? (
          <Chip tone="neutral">Unknown</Chip>
        ) : (
          <ConnectionState twin={twin} />
        ))}
    </div>
  );
}

function ModelLine({
  twin,
  modelState: { model, isUnknown },
}: {
  twin: Twin;
  modelState: ModelState;
}) {
  if (!twin.model) return <>No model</>;
  if (isUnknown) return <>{twin.model} (unknown model)</>;
  return (
    <>
      {model && (
        <>
          <a href={templatePath(model.id)}>{model.title}</a> ·{" "}
        </>
      )}
      {twin.model}
    </>
  );
}

/** Loads the published views of the device template; reloads them on every tab change. */
function usePublishedViews(
  twin: Twin | undefined,
  tab: DeviceTab,
): Query<readonly View[] | undefined> {
  const load = async () => twin && (twin.model ? await getPublishedViews(twin.model) : []);
  return useQuery(load, [twin?.model, twin === undefined, tab]);
}

/**
 * Lists the tabs: without Component unless the cloud can control the host of the device, and none
 * while the views are loading.
 */
function useTabs(
  device: string,
  connected: boolean | undefined,
  views: Query<readonly View[] | undefined>,
): DeviceTab[] {
  const host = useQuery(() => getHostStatus(device), [device, connected]);
  if (!views.data && !views.error) return [];
  const [first, ...others] = STANDARD_TABS.filter((tab) => tab !== "component" || host.data);
  const viewTabs = views.data?.map((view) => ({ view: view.name })) ?? [];
  return [first ?? "overview", ...viewTabs, ...others];
}
