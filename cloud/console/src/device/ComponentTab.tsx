import { useEffect } from "preact/hooks";
import { hostOf } from "../cloud/host.ts";
import { newest } from "../component/swapping.ts";
import { RunningCard } from "../component/RunningCard.tsx";
import { SwapCard } from "../component/SwapCard.tsx";
import { SwapHistory } from "../component/SwapHistory.tsx";
import { Empty, Skeleton, Trouble } from "../part/State.tsx";
import { useAsked } from "../part/use.ts";
import type { TabProps } from "./DevicePage.tsx";

/** Milliseconds between two questions how the host is. */
const PACE = 1000;

/** The component that is the device's behaviour, to let another take its place. */
export function ComponentTab({ device }: TabProps) {
  const asked = useAsked(() => hostOf(device).then((status) => ({ status })), [device, newest.value?.steps.value]);
  useEffect(() => {
    const timer = setInterval(asked.again, PACE);
    return () => clearInterval(timer);
  }, []);
  const status = asked.value?.status;
  if (!asked.value) return asked.trouble ? <Trouble>{asked.trouble}</Trouble> : <Skeleton lines={4} />;
  if (!status) {
    return (
      <Empty title="This device's component cannot be reached from here.">
        Its host must run beside the cloud, which is told where: <code>--host-control</code>.
      </Empty>
    );
  }
  return (
    <>
      {asked.trouble && <Trouble>{asked.trouble}</Trouble>}
      <div class="columns">
        <RunningCard status={status} />
        <SwapCard status={status} />
      </div>
      <SwapHistory status={status} />
    </>
  );
}
