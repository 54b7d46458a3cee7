import { useEffect, useState } from "preact/hooks";
import {
  type ActiveFault,
  clearFaults,
  type FaultRequest,
  faultName,
  listActiveFaults,
  postFault,
} from "../api/faults.ts";
import { getHostStatus } from "../api/host.ts";
import { errorMessage, useQuery, useThrottled } from "../components/hooks.ts";
import { ErrorMessage } from "../components/States.tsx";
import { ActiveFaults } from "../faults/ActiveFaults.tsx";
import { FaultRow } from "../faults/FaultRow.tsx";
import { FAULT_GROUPS, ONE_SHOT_FAULTS } from "../faults/faultCatalog.ts";
import { OutageTable } from "../faults/OutageTable.tsx";
import type { DeviceLog } from "../live/deviceLog.ts";
import type { TabProps } from "./tab.ts";

const DURATIONS = [
  { title: "Until cleared", time: "" },
  { title: "10 s", time: "10s" },
  { title: "30 s", time: "30s" },
  { title: "2 min", time: "2m" },
] as const;

/** Milliseconds between two redraws. */
const REDRAW_INTERVAL = 400;
/** Milliseconds between two requests for the outbox of the host. */
const OUTBOX_INTERVAL = 1000;

/** Starts and clears faults for the device or for all devices, and shows the impact of outages. */
export function FaultsTab({ device, log }: TabProps) {
  const [isForAll, setForAll] = useState(false);
  const [duration, setDuration] = useState("");
  const [error, setError] = useState<string>();
  const [, redraw] = useState(0);
  useThrottled(log.changes, REDRAW_INTERVAL, () => redraw((count) => count + 1));
  const { all } = log.faults;
  const query = useQuery(listActiveFaults, [
    all.at(-1)?.from,
    all.filter((period) => period.to === undefined).length,
  ]);
  useOutbox(device, log);
  const active = query.data ?? [];
  const run = async (send: () => Promise<ActiveFault[]>) => {
    setError(undefined);
    await send().catch((error: unknown) => setError(errorMessage(error)));
    query.refetch();
  };
  const scoped = (request: FaultRequest): FaultRequest => ({
    ...request,
    ...(isForAll ? {} : { device }),
    ...(request.oneShot || !duration ? {} : { duration }),
  });
  const isActive = (name: string) =>
    active.some(
      (one) => faultName(one.fault) === name && one.device === (isForAll ? undefined : device),
    );
  const clearFault = (one: ActiveFault) =>
    run(() =>
      postFault({ fault: one.fault, on: false, ...(one.device ? { device: one.device } : {}) }),
    );
  return (
    <>
      <ActiveFaults
        faults={active}
        device={device}
        onClear={(one) => void clearFault(one)}
        onClearAll={() => void run(clearFaults)}
      />
      {error && <ErrorMessage>{error}</ErrorMessage>}
      <OutageTable log={log} />
      <div class="toolbar">
        <div class="segments" role="group" aria-label="Scope">
          <button type="button" aria-pressed={!isForAll} onClick={() => setForAll(false)}>
            This device
          </button>
          <button type="button" aria-pressed={isForAll} onClick={() => setForAll(true)}>
            All devices
          </button>
        </div>
        <div class="segments" role="group" aria-label="Duration">
          {DURATIONS.map(({ title, time }) => (
            <button
              type="button"
              key={title}
              aria-pressed={duration === time}
              onClick={() => setDuration(time)}
            >
              {title}
            </button>
          ))}
        </div>
      </div>
      <div class="masonry">
        {FAULT_GROUPS.map((group) => (
          <section class="card" key={group.title}>
            <h2>{group.title}</h2>
            {group.faults.map((fault) => (
              <FaultRow
                key={fault.name}
                fault={fault}
                isActive={isActive(fault.name)}
                isAvailable={isForAll || fault.perDevice}
                onStart={(fault) => void run(() => postFault(scoped({ fault })))}
              />
            ))}
          </section>
        ))}
        <section class="card">
          <h2>One-shot faults</h2>
          {ONE_SHOT_FAULTS.map((oneShot) => (
            <div class="fault" key={oneShot.name}>
              <div class="description">
                <code>{oneShot.name}</code>
                <p class="muted">{oneShot.description}</p>
              </div>
              <button
                type="button"
                onClick={() => void run(() => postFault(scoped({ oneShot: oneShot.name })))}
                aria-label={`Trigger ${oneShot.name}`}
              >
                Trigger
              </button>
            </div>
          ))}
        </section>
      </div>
    </>
  );
}

/** Polls the outbox of the device, if the cloud can control its host. */
function useOutbox(device: string, log: DeviceLog): void {
  const { data: status, error, refetch } = useQuery(() => getHostStatus(device), [device]);
  useEffect(() => {
    if (error) log.outbox.markUnavailable();
    else if (status) log.outbox.record(status.outbox, Date.now());
  }, [status, error]);
  useEffect(() => {
    if (!status) return;
    const timer = setInterval(refetch, OUTBOX_INTERVAL);
    return () => clearInterval(timer);
  }, [status !== undefined]);
}
