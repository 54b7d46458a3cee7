import { signal } from "@preact/signals";
import { useEffect, useMemo, useState } from "preact/hooks";
import { listDevices } from "../api/devices.ts";
import type { DeviceSummary } from "../api/twin.ts";
import { useNow, useQuery, useThrottled } from "../components/hooks.ts";
import { Icon } from "../components/Icon.tsx";
import { EmptyState, ErrorMessage, Skeleton } from "../components/States.tsx";
import { formatCount } from "../format.ts";
import { openEventStream } from "../live/event.ts";
import { FLEET_QUERY, Fleet } from "../live/fleet.ts";
import { ConnectionDialog } from "./ConnectionDialog.tsx";
import { DeleteDialog } from "./DeleteDialog.tsx";
import { DeviceTable } from "./DeviceTable.tsx";
import { EnrollDialog } from "./EnrollDialog.tsx";
import { type Filter, matches, STATE_FILTERS } from "./filter.ts";
import type { OpenDialog } from "./openDialog.ts";
import { Pager } from "./Pager.tsx";

/** Devices per page: few enough to render within a few frames on every key press in the filter. */
const PAGE_SIZE = 50;

/** Minimum milliseconds between two requests for the list. */
const LIST_INTERVAL = 300;

/** Maximum number of past events to load, so that most rows start with a value. */
const MAX_PAST_EVENTS = 500;

/** Filter and page that were shown last, restored when the user returns from a device. */
const listState = signal<{ filter: Filter; from: number }>({
  filter: { text: "", state: "all" },
  from: 0,
});

/** Device list. */
export function DevicesPage() {
  const fleet = useFleet();
  const [dialog, setDialog] = useState<OpenDialog>();
  const { filter, from } = listState.value;
  const query = useQuery(listDevices, []);
  useThrottled(fleet.changes, LIST_INTERVAL, query.refetch);
  const now = useNow();
  useEffect(() => {
    document.title = "Devices · Local cloud";
  }, []);
  const matching = useMemo(
    () => query.data?.filter((twin) => matches(twin, filter)),
    [query.data, filter],
  );
  // The list may have become shorter.
  const start = Math.min(from, lastPageStart(matching?.length ?? 0));
  const show = (filter: Filter, from = 0) => {
    listState.value = { filter, from };
  };
  const close = () => {
    setDialog(undefined);
    query.refetch();
  };
  return (
    <>
      <div class="page-header">
        <div>
          <h1>Devices</h1>
          <p class="muted">{summary(query.data)}</p>
        </div>
        <button type="button" class="primary" onClick={() => setDialog({ kind: "enroll" })}>
          <Icon name="plus" /> Enroll a device
        </button>
      </div>
      <div class="toolbar">
        <FilterBar filter={filter} onFilter={show} />
        {query.data && matching && query.data.length > PAGE_SIZE && (
          <Pager
            from={start}
            size={PAGE_SIZE}
            total={matching.length}
            onFrom={(from) => show(filter, from)}
          />
        )}
      </div>
      {query.error && <ErrorMessage>{query.error}</ErrorMessage>}
      {!matching && !query.error && <Skeleton lines={4} />}
      {matching && matching.length > 0 && (
        <DeviceTable
          twins={matching.slice(start, start + PAGE_SIZE)}
          fleet={fleet}
          now={now}
          onOpen={setDialog}
          onChange={query.refetch}
        />
      )}
      {matching?.length === 0 && <NoDevices isFiltered={(query.data?.length ?? 0) > 0} />}
      {dialog?.kind === "enroll" && (
        <EnrollDialog
          onClose={close}
          onDone={(device) => setDialog({ kind: "connection", device })}
        />
      )}
      {dialog?.kind === "connection" && <ConnectionDialog device={dialog.device} onClose={close} />}
      {dialog?.kind === "delete" && <DeleteDialog device={dialog.device} onClose={close} />}
    </>
  );
}

/** Returns the offset of the last page. */
function lastPageStart(length: number): number {
  return Math.floor(Math.max(0, length - 1) / PAGE_SIZE) * PAGE_SIZE;
}

function useFleet(): Fleet {
  const fleet = useMemo(() => new Fleet(), []);
  useEffect(() => {
    const stream = openEventStream(`${FLEET_QUERY}&last=${MAX_PAST_EVENTS}`, (events) =>
      fleet.append(events),
    );
    return () => stream.close();
  }, [fleet]);
  return fleet;
}

function summary(twins: DeviceSummary[] | undefined): string {
  if (!twins) return "\u00a0";
  const connected = twins.filter((twin) => twin.connected).length;
  return `${formatCount(twins.length, "device")}, ${connected.toLocaleString("en")} connected`;
}

function FilterBar({ filter, onFilter }: { filter: Filter; onFilter: (filter: Filter) => void }) {
  return (
    <div class="filter" role="search">
      <input
        type="search"
        aria-label="Filter by ID or model"
        placeholder="Filter by ID or model"
        value={filter.text}
        onInput={(event) => onFilter({ ...filter, text: event.currentTarget.value })}
      />
      <div class="segments" role="group" aria-label="Filter by status">
        {STATE_FILTERS.map(({ state, title }) => (
          <button
            type="button"
            key={state}
            aria-pressed={filter.state === state}
            onClick={() => onFilter({ ...filter, state })}
          >
            {title}
          </button>
        ))}
      </div>
    </div>
  );
}

function NoDevices({ isFiltered }: { isFiltered: boolean }) {
  if (isFiltered) return <EmptyState title="No matching devices" />;
  return (
    <EmptyState title="No devices">
      Enroll a device here, or start the thermostat with <code>make run</code>.
    </EmptyState>
  );
}
