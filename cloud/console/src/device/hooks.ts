import { useEffect, useMemo } from "preact/hooks";
import { getModel, modelAdditions } from "../api/models.ts";
import { getTwin, type Twin } from "../api/twin.ts";
import { type Query, useQuery, useThrottled } from "../components/hooks.ts";
import { DeviceLog } from "../live/deviceLog.ts";
import { openEventStream } from "../live/event.ts";
import type { Interface } from "../model/interface.ts";

/** Maximum number of past events to load. */
const MAX_PAST_EVENTS = 100_000;
/** Minimum milliseconds between two requests for the twin. */
const TWIN_INTERVAL = 150;

/** Returns the event log of a device: past events and live updates. Empty without a device. */
export function useDeviceLog(device: string | undefined): DeviceLog {
  const log = useMemo(() => new DeviceLog(), [device]);
  useEffect(() => {
    if (device === undefined) return;
    const query = `device=${encodeURIComponent(device)}&last=${MAX_PAST_EVENTS}`;
    const stream = openEventStream(query, (events) => log.append(events));
    return () => stream.close();
  }, [device, log]);
  return log;
}

/** Loads the twin of a device, and reloads it on every change. `undefined` without a device. */
export function useTwin(device: string | undefined, log: DeviceLog): Query<Twin | undefined> {
  const query = useQuery(
    async () => (device === undefined ? undefined : await getTwin(device)),
    [device],
  );
  useThrottled(log.twinChanges, TWIN_INTERVAL, query.refetch);
  return query;
}

/** Model of a device, while and after it loads. */
export interface ModelState {
  readonly model: Interface | undefined;
  /** True if the cloud does not have the model. */
  readonly isUnknown: boolean;
  readonly error: string | undefined;
}

/** Loads a model, and reloads it when models are added. */
export function useModel(id: string | undefined): ModelState {
  const query = useQuery(
    async () => ({ id, found: id === undefined ? undefined : await getModel(id) }),
    [id, modelAdditions.value],
  );
  const current = query.data?.id === id ? query.data : undefined;
  return {
    model: current?.found,
    isUnknown: id !== undefined && current !== undefined && !current.found,
    error: query.error,
  };
}
