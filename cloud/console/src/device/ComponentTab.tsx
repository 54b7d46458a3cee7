import { useEffect } from "preact/hooks";
import { getHostStatus } from "../api/host.ts";
import { useQuery } from "../components/hooks.ts";
import { EmptyState, ErrorMessage, Skeleton } from "../components/States.tsx";
import { RunningVersionCard } from "../wasm/RunningVersionCard.tsx";
import { SwapCard } from "../wasm/SwapCard.tsx";
import { SwapHistory } from "../wasm/SwapHistory.tsx";
import { currentSwap } from "../wasm/swapOperation.ts";
import type { TabProps } from "./tab.ts";

/** Milliseconds between two requests for the host status. */
const STATUS_INTERVAL = 1000;

/** Running component of the device, with swap, rollback and history. */
export function ComponentTab({ device }: TabProps) {
  const query = useQuery(
    () => getHostStatus(device).then((status) => ({ status })),
    [device, currentSwap.value?.steps.value],
  );
  useEffect(() => {
    const timer = setInterval(query.refetch, STATUS_INTERVAL);
    return () => clearInterval(timer);
  }, []);
  const status = query.data?.status;
  if (!query.data)
    return query.error ? <ErrorMessage>{query.error}</ErrorMessage> : <Skeleton lines={4} />;
  if (!status) {
    return (
      <EmptyState title="The host of this device is not available">
        Start the cloud with <code>--host-control</code> and the control socket of the host.
      </EmptyState>
    );
  }
  return (
    <>
      {query.error && <ErrorMessage>{query.error}</ErrorMessage>}
      <div class="columns">
        <RunningVersionCard status={status} />
        <SwapCard status={status} />
      </div>
      <SwapHistory status={status} />
    </>
  );
}
