import { findDeviceOfModel } from "../api/modelUsage.ts";
import { parseTwin } from "../api/twin.ts";
import { useQuery, useThrottled } from "../components/hooks.ts";
import { useDeviceLog, useTwin } from "../device/hooks.ts";
import type { TabProps } from "../device/tab.ts";
import type { Interface } from "../model/interface.ts";
import { useDeviceChanges } from "./deviceChanges.ts";

/** Minimum milliseconds between two searches for a device. */
const SEARCH_INTERVAL = 300;

/** Data shown in the tiles of the editor: that of a device of the model, or none. */
export interface Preview extends Omit<TabProps, "device"> {
  device: string | undefined;
}

const EMPTY_TWIN = parseTwin({});

/** Returns the data of a device of the model. */
export function usePreview(model: Interface): Preview {
  const query = useQuery(() => findDeviceOfModel(model.id), [model.id]);
  useThrottled(useDeviceChanges(query.data === undefined), SEARCH_INTERVAL, query.refetch);
  const log = useDeviceLog(query.data);
  const twin = useTwin(query.data, log);
  // Forms start with desired values, so that the device is shown with its twin only.
  const device = twin.data && query.data;
  return { device, twin: twin.data ?? EMPTY_TWIN, model, log, onChange: twin.refetch };
}
