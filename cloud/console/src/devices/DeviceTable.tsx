import { useState } from "preact/hooks";
import { setBlocked } from "../cloud/devices.ts";
import type { Listed } from "../cloud/twin.ts";
import type { Fleet, LastData } from "../live/fleet.ts";
import { Chip } from "../part/Chip.tsx";
import { Icon } from "../part/Icon.tsx";
import { Menu } from "../part/Menu.tsx";
import { Trouble } from "../part/State.tsx";
import { inWords } from "../part/use.ts";
import { deviceAddress } from "../route.ts";
import { ago, short } from "../words.ts";
import type { Asking } from "./DevicesPage.tsx";

interface Props {
  twins: Listed[];
  fleet: Fleet;
  now: number;
  onAsk: (asking: Asking) => void;
  onChange: () => void;
}

/** Devices, one a row; each row shows new data by itself. */
export function DeviceTable(props: Props) {
  const [trouble, setTrouble] = useState<string>();
  const block = async (twin: Listed) => {
    setTrouble(undefined);
    await setBlocked(twin.device, !twin.blocked).catch((problem: unknown) => setTrouble(inWords(problem)));
    props.onChange();
  };
  return (
    <>
      {trouble && <Trouble>{trouble}</Trouble>}
      <div class="card table">
        <table class="devices">
          <thead>
            <tr><th>Device</th><th>State</th><th>Last data</th><th>Model</th><th><span class="unseen">Actions</span></th></tr>
          </thead>
          <tbody>
            {props.twins.map((twin) => (
              <tr key={twin.device}>
                <th scope="row"><a href={deviceAddress(twin.device)}>{twin.device}</a></th>
                <td><DeviceState twin={twin} /></td>
                <td class="last"><Last twin={twin} fleet={props.fleet} now={props.now} /></td>
                <td class="model faint" title={twin.model}>{twin.model ?? "not announced"}</td>
                <td class="actions">
                  <Menu label={`Actions for ${twin.device}`} button={<Icon name="more" />}>
                    <button type="button" onClick={() => props.onAsk({ what: "connection", device: twin.device })}>
                      Connection details
                    </button>
                    <button type="button" onClick={() => void block(twin)}>{twin.blocked ? "Unblock" : "Block"}</button>
                    <button type="button" class="danger" onClick={() => props.onAsk({ what: "remove", device: twin.device })}>
                      Delete…
                    </button>
                  </Menu>
                </td>
              </tr>
            ))}
          </tbody>
        </table>
      </div>
    </>
  );
}

/** Whether a device is connected, or may be. */
export function DeviceState({ twin }: { twin: Pick<Listed, "connected" | "blocked"> }) {
  if (twin.blocked) return <Chip tone="bad">Blocked</Chip>;
  return twin.connected ? <Chip tone="good">Connected</Chip> : <Chip tone="quiet">Not connected</Chip>;
}

function Last({ twin, fleet, now }: { twin: Listed; fleet: Fleet; now: number }) {
  const data: LastData | undefined = fleet.lastOf(twin.device).value;
  const at = data?.at ?? twin.lastActivity;
  if (at === undefined) return <span class="faint">never</span>;
  return (
    <>
      {data?.name !== undefined && <span class="value">{data.name} {short(data.value)}</span>}
      <span class="faint">{ago(at, now)}</span>
    </>
  );
}
