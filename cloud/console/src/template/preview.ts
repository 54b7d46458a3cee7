import { deviceOf } from "../cloud/announced.ts";
import { readTwin } from "../cloud/twin.ts";
import type { TabProps } from "../device/DevicePage.tsx";
import { useLog, useTwin } from "../device/live.ts";
import type { Interface } from "../model/interface.ts";
import { useAsked, usePaced } from "../part/use.ts";
import { usePopulation } from "./population.ts";

/** Milliseconds between two questions for a device. */
const PACE = 300;

/** What tiles show while a view is arranged: a device of the model, or one that has said nothing if there is none. */
export interface Preview extends Omit<TabProps, "device"> {
  device: string | undefined;
}

const NOTHING = readTwin({});

/** A device of the model, as it is now. */
export function usePreview(model: Interface): Preview {
  const asked = useAsked(() => deviceOf(model.id), [model.id]);
  usePaced(usePopulation(asked.value === undefined), PACE, asked.again);
  const log = useLog(asked.value);
  const twin = useTwin(asked.value, log);
  // Only with its twin: forms begin with what is desired.
  const device = twin.value && asked.value;
  return { device, twin: twin.value ?? NOTHING, model, log, onChange: twin.again };
}
