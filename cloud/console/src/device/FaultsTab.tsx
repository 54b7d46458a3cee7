import { useEffect, useState } from "preact/hooks";
import { clear, give, nameOf, type Order, type Standing, standing } from "../cloud/faults.ts";
import { hostOf } from "../cloud/host.ts";
import { GROUPS, STROKES } from "../faults/kit.ts";
import { FaultRow } from "../faults/FaultRow.tsx";
import { OutageTable } from "../faults/OutageTable.tsx";
import { StandingFaults } from "../faults/StandingFaults.tsx";
import type { DeviceLog } from "../live/device.ts";
import { Trouble } from "../part/State.tsx";
import { inWords, useAsked, usePaced } from "../part/use.ts";
import type { TabProps } from "./DevicePage.tsx";

const LASTING = [
  { title: "Until ended", time: "" },
  { title: "10 s", time: "10s" },
  { title: "30 s", time: "30s" },
  { title: "2 min", time: "2m" },
] as const;

/** Milliseconds between two drawings, however much comes. */
const PACE = 400;
/** Milliseconds between two questions for the host's outbox. */
const OUTBOX_PACE = 1000;

/** An outage on request, for this device or for all, and what each has cost. */
export function FaultsTab({ device, log }: TabProps) {
  const [ofAll, setOfAll] = useState(false);
  const [lasting, setLasting] = useState("");
  const [trouble, setTrouble] = useState<string>();
  const [, redraw] = useState(0);
  usePaced(log.changes, PACE, () => redraw((turn) => turn + 1));
  const { all } = log.faults;
  const asked = useAsked(standing, [all.at(-1)?.from, all.filter((period) => period.to === undefined).length]);
  useOutbox(device, log);
  const on = asked.value ?? [];
  const order = async (carryOut: () => Promise<Standing[]>) => {
    setTrouble(undefined);
    await carryOut().catch((problem: unknown) => setTrouble(inWords(problem)));
    asked.again();
  };
  const begin = (order: Order): Order => ({ ...order, ...(ofAll ? {} : { device }), ...(order.stroke || !lasting ? {} : { for: lasting }) });
  const isOn = (name: string) => on.some((one) => nameOf(one.fault) === name && one.device === (ofAll ? undefined : device));
  const end = (one: Standing) => order(() => give({ fault: one.fault, on: false, ...(one.device ? { device: one.device } : {}) }));
  return (
    <>
      <StandingFaults standing={on} device={device} onEnd={(one) => void end(one)} onClear={() => void order(clear)} />
      {trouble && <Trouble>{trouble}</Trouble>}
      <OutageTable log={log} />
      <div class="bar">
        <div class="segments" role="group" aria-label="For which devices">
          <button type="button" aria-pressed={!ofAll} onClick={() => setOfAll(false)}>This device</button>
          <button type="button" aria-pressed={ofAll} onClick={() => setOfAll(true)}>All devices</button>
        </div>
        <div class="segments" role="group" aria-label="For how long">
          {LASTING.map(({ title, time }) => (
            <button type="button" key={title} aria-pressed={lasting === time} onClick={() => setLasting(time)}>{title}</button>
          ))}
        </div>
      </div>
      <div class="heap">
        {GROUPS.map((group) => (
          <section class="card" key={group.title}>
            <h2>{group.title}</h2>
            {group.faults.map((fault) => (
              <FaultRow
                key={fault.name}
                fault={fault}
                isOn={isOn(fault.name)}
                isPossible={ofAll || fault.ofOne}
                onBegin={(named) => void order(() => give(begin({ fault: named })))}
              />
            ))}
          </section>
        ))}
        <section class="card">
          <h2>Once</h2>
          {STROKES.map((stroke) => (
            <div class="fault" key={stroke.name}>
              <div class="what"><code>{stroke.name}</code><p class="faint">{stroke.what}</p></div>
              <button type="button" onClick={() => void order(() => give(begin({ stroke: stroke.name })))} aria-label={`Strike ${stroke.name}`}>
                Strike
              </button>
            </div>
          ))}
        </section>
      </div>
    </>
  );
}

/** Asks the host beside the cloud, if it is that of the device, how its outbox is. */
function useOutbox(device: string, log: DeviceLog): void {
  const { value: status, trouble, again } = useAsked(() => hostOf(device), [device]);
  useEffect(() => {
    if (trouble) log.outbox.fallSilent();
    else if (status) log.outbox.take(status.outbox, Date.now());
  }, [status, trouble]);
  useEffect(() => {
    if (!status) return;
    const timer = setInterval(again, OUTBOX_PACE);
    return () => clearInterval(timer);
  }, [status !== undefined]);
}
