import { useState } from "preact/hooks";
import { setBlocked } from "../api/devices.ts";
import type { DeviceSummary } from "../api/twin.ts";
import { errorMessage } from "../components/hooks.ts";
import { Icon } from "../components/Icon.tsx";
import { Menu } from "../components/Menu.tsx";
import { ErrorMessage } from "../components/States.tsx";
import { formatAge, formatValue } from "../format.ts";
import type { Fleet, LastData } from "../live/fleet.ts";
import { devicePath } from "../route.ts";
import { ConnectionState } from "./ConnectionState.tsx";
import type { OpenDialog } from "./openDialog.ts";

interface Props {
  twins: DeviceSummary[];
  fleet: Fleet;
  now: number;
  onOpen: (dialog: OpenDialog) => void;
  onChange: () => void;
}

/** Table of devices; each row updates on its own. */
export function DeviceTable(props: Props) {
  const [error, setError] = useState<string>();
  const block = async (twin: DeviceSummary) => {
    setError(undefined);
    await setBlocked(twin.device, !twin.blocked).catch((error: unknown) =>
      setError(errorMessage(error)),
    );
    props.onChange();
  };
  return (
    <>
      {error && <ErrorMessage>{error}</ErrorMessage>}
      <div class="card table">
        <table class="devices">
          <thead>
            <tr>
              <th>Device ID</th>
              <th>Status</th>
              <th>Last telemetry</th>
              <th>Model</th>
              <th>
                <span class="visually-hidden">Actions</span>
              </th>
            </tr>
          </thead>
          <tbody>
            {props.twins.map((twin) => (
              <tr key={twin.device}>
                <th scope="row">
                  <a href={devicePath(twin.device)}>{twin.device}</a>
                </th>
                <td>
                  <ConnectionState twin={twin} />
                </td>
                <td class="last">
                  <LastDataCell twin={twin} fleet={props.fleet} now={props.now} />
                </td>
                <td class="model muted" title={twin.model}>
                  {twin.model ?? "No model"}
                </td>
                <td class="actions">
                  <Menu label={`Actions for ${twin.device}`} button={<Icon name="more" />}>
                    <button
                      type="button"
                      onClick={() => props.onOpen({ kind: "connection", device: twin.device })}
                    >
                      Connection details
                    </button>
                    <button type="button" onClick={() => void block(twin)}>
                      {twin.blocked ? "Unblock" : "Block"}
                    </button>
                    <button
                      type="button"
                      class="danger"
                      onClick={() => props.onOpen({ kind: "delete", device: twin.device })}
                    >
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

function LastDataCell({ twin, fleet, now }: { twin: DeviceSummary; fleet: Fleet; now: number }) {
  const data: LastData | undefined = fleet.lastOf(twin.device).value;
  const at = data?.at ?? twin.lastActivity;
  if (at === undefined) return <span class="muted">Never</span>;
  return (
    <>
      {data?.name !== undefined && (
        <span class="value">
          {data.name} {formatValue(data.value)}
        </span>
      )}
      <span class="muted">{formatAge(at, now)}</span>
    </>
  );
}
