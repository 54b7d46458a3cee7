import type { Twin } from "../api/twin.ts";
import type { DeviceLog } from "../live/deviceLog.ts";
import type { Interface } from "../model/interface.ts";

/** Properties of every device tab. */
export interface TabProps {
  device: string;
  twin: Twin;
  /** `undefined` while the model is loading, or if the cloud does not have it. */
  model: Interface | undefined;
  log: DeviceLog;
  /** Reloads the twin. */
  onChange: () => void;
}
