import { useEffect, useMemo } from "preact/hooks";
import { additions, model } from "../cloud/models.ts";
import { type Twin, twin as askTwin } from "../cloud/twin.ts";
import { DeviceLog } from "../live/device.ts";
import { eventStream } from "../live/event.ts";
import type { Interface } from "../model/interface.ts";
import { type Asked, useAsked, usePaced } from "../part/use.ts";

/** Events of the past that are asked for. */
const PAST = 100_000;
/** Milliseconds between two questions for the twin, however often it changes. */
const TWIN_PACE = 150;

/** What a device says, from now on and as far back as is kept; nothing without a device. */
export function useLog(device: string | undefined): DeviceLog {
  const log = useMemo(() => new DeviceLog(), [device]);
  useEffect(() => {
    if (device === undefined) return;
    const query = `device=${encodeURIComponent(device)}&last=${PAST}`;
    const stream = eventStream(query, (events) => log.take(events));
    return () => stream.close();
  }, [device, log]);
  return log;
}

/** The twin, asked for again whenever an event says that it has changed; nothing without a device. */
export function useTwin(device: string | undefined, log: DeviceLog): Asked<Twin | undefined> {
  const asked = useAsked(async () => (device === undefined ? undefined : await askTwin(device)), [device]);
  usePaced(log.twinChanges, TWIN_PACE, asked.again);
  return asked;
}

/** What is known of a model. */
export interface Knowledge {
  readonly model: Interface | undefined;
  /** Whether the cloud has said that it does not know it. */
  readonly isUnknown: boolean;
  readonly trouble: string | undefined;
}

/** The model of this id, asked for again when models are added. */
export function useModel(id: string | undefined): Knowledge {
  const asked = useAsked(async () => ({ id, found: id === undefined ? undefined : await model(id) }), [id, additions.value]);
  const answer = asked.value?.id === id ? asked.value : undefined;
  return { model: answer?.found, isUnknown: id !== undefined && answer !== undefined && !answer.found, trouble: asked.trouble };
}
