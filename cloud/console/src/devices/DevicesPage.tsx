import { signal } from "@preact/signals";
import { useEffect, useMemo, useState } from "preact/hooks";
import { devices } from "../cloud/devices.ts";
import type { Listed } from "../cloud/twin.ts";
import { Fleet, WANTED } from "../live/fleet.ts";
import { eventStream } from "../live/event.ts";
import { Icon } from "../part/Icon.tsx";
import { Empty, Skeleton, Trouble } from "../part/State.tsx";
import { useAsked, useNow, usePaced } from "../part/use.ts";
import { count } from "../words.ts";
import { Connection } from "./Connection.tsx";
import { Enrol } from "./Enrol.tsx";
import { DeviceTable } from "./DeviceTable.tsx";
import { FILTERS, type Filter, matches } from "./filter.ts";
import { Pager } from "./Pager.tsx";
import { RemoveDevice } from "./RemoveDevice.tsx";

/** Devices shown at a time: so many are put up and taken away within a few frames, at each key in the filter. */
const ROWS = 50;

/** Milliseconds between two questions for the list, however often it changes. */
const LIST_PACE = 300;

/** Events of the past that are asked for, so that most rows begin with a value. */
const PAST = 500;

/** The part of the list that was looked at last: who comes back from a device finds it again. */
const chosen = signal<{ filter: Filter; from: number }>({ filter: { text: "", state: "all" }, from: 0 });

/** What is asked of, or told to, the person in front of the page. */
export type Asking = { what: "enrol" } | { what: "connection" | "remove"; device: string };

/** All devices. */
export function DevicesPage() {
  const fleet = useFleet();
  const [asking, setAsking] = useState<Asking>();
  const { filter, from } = chosen.value;
  const asked = useAsked(devices, []);
  usePaced(fleet.changes, LIST_PACE, asked.again);
  const now = useNow();
  useEffect(() => {
    document.title = "Devices · Local cloud";
  }, []);
  const found = useMemo(() => asked.value?.filter((twin) => matches(twin, filter)), [asked.value, filter]);
  // There may be fewer by now.
  const shown = Math.min(from, lastPart(found?.length ?? 0));
  const choose = (filter: Filter, from = 0) => {
    chosen.value = { filter, from };
  };
  const close = () => {
    setAsking(undefined);
    asked.again();
  };
  return (
    <>
      <div class="head">
        <div>
          <h1>Devices</h1>
          <p class="faint">{summary(asked.value)}</p>
        </div>
        <button type="button" class="primary" onClick={() => setAsking({ what: "enrol" })}>
          <Icon name="plus" /> Add a device
        </button>
      </div>
      <div class="bar">
        <FilterBar filter={filter} onFilter={choose} />
        {asked.value && found && asked.value.length > ROWS && (
          <Pager from={shown} size={ROWS} total={found.length} onFrom={(from) => choose(filter, from)} />
        )}
      </div>
      {asked.trouble && <Trouble>{asked.trouble}</Trouble>}
      {!found && !asked.trouble && <Skeleton lines={4} />}
      {found && found.length > 0 && (
        <DeviceTable twins={found.slice(shown, shown + ROWS)} fleet={fleet} now={now} onAsk={setAsking} onChange={asked.again} />
      )}
      {found?.length === 0 && <Nothing isFiltered={(asked.value?.length ?? 0) > 0} />}
      {asking?.what === "enrol" && <Enrol onClose={close} onDone={(device) => setAsking({ what: "connection", device })} />}
      {asking?.what === "connection" && <Connection device={asking.device} onClose={close} />}
      {asking?.what === "remove" && <RemoveDevice device={asking.device} onClose={close} />}
    </>
  );
}

/** Where the last part of a list begins. */
function lastPart(length: number): number {
  return Math.floor(Math.max(0, length - 1) / ROWS) * ROWS;
}

function useFleet(): Fleet {
  const fleet = useMemo(() => new Fleet(), []);
  useEffect(() => {
    const stream = eventStream(`${WANTED}&last=${PAST}`, (events) => fleet.take(events));
    return () => stream.close();
  }, [fleet]);
  return fleet;
}

function summary(twins: Listed[] | undefined): string {
  if (!twins) return "\u00a0";
  const connected = twins.filter((twin) => twin.connected).length;
  return `${count(twins.length, "device")}, ${connected.toLocaleString("en")} connected`;
}

function FilterBar({ filter, onFilter }: { filter: Filter; onFilter: (filter: Filter) => void }) {
  return (
    <div class="filter" role="search">
      <input
        type="search"
        aria-label="Filter by name or model"
        placeholder="Filter by name or model"
        value={filter.text}
        onInput={(event) => onFilter({ ...filter, text: event.currentTarget.value })}
      />
      <div class="segments" role="group" aria-label="Filter by state">
        {FILTERS.map(({ state, title }) => (
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

function Nothing({ isFiltered }: { isFiltered: boolean }) {
  if (isFiltered) return <Empty title="No device fits the filter." />;
  return (
    <Empty title="There is no device yet.">
      Add one here, or start one with <code>make run</code>: it appears by itself.
    </Empty>
  );
}
