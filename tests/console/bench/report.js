import { goal, kilobytes, median, megabytes, milliseconds, percentile, show } from "./figures.js";
import { summary } from "./inputs.js";

/** Prints input latencies and long tasks. */
export function showInputs(what, idle, loaded) {
  show(`${what}: input to paint, idle (baseline)`, summary(idle.inputs));
  const isReached =
    percentile(
      loaded.inputs.map(({ duration }) => duration),
      95,
    ) <= 100;
  show(
    `${what}: input to paint, under load`,
    summary(loaded.inputs),
    goal("p95 within 100 ms", isReached),
  );
  show(
    `${what}: tasks over 50 ms, under load`,
    `${loaded.tasks.length}, max ${Math.max(0, ...loaded.tasks)} ms`,
  );
}

/** Prints the first load of the console. */
export function showLoads(loads, idle, small) {
  const durations = (loads) => loads.map((load) => load.duration);
  const line = (times) =>
    `p50 ${milliseconds(median(times))}, max of ${times.length}: ${milliseconds(Math.max(...times))}`;
  const files = Math.max(...loads.map((load) => load.files));
  show("first load: the page", kilobytes(files), goal("under 300 kB", files < 300_000));
  show("first load: device data", kilobytes(median(loads.map((load) => load.data))));
  show("small file of the same cloud (baseline)", line(small));
  show(
    "first load to the list, idle",
    line(durations(idle)),
    goal("p50 within 500 ms", median(durations(idle)) < 500),
  );
  show(
    "first load to the list, under load",
    line(durations(loads)),
    goal("p50 within 500 ms", median(durations(loads)) < 500),
  );
}

/** Prints the effect of the console on devices. */
export function showCloud(rate, alone, observed) {
  const line = ({ latencyMs: latency }) =>
    `p50 ${milliseconds(latency.p50)}, p99 ${milliseconds(latency.p99)}, max ${milliseconds(latency.max)}`;
  const isWhole = observed.acknowledged === observed.due && observed.achievedRate > rate * 0.99;
  show(
    "acknowledged, page open",
    `${observed.achievedRate.toFixed(0)} /s, ${observed.acknowledged} of ${observed.due}`,
    goal(`${rate} /s, all acknowledged`, isWhole),
  );
  show("from due time to PUBACK, page closed (baseline)", line(alone));
  show(
    "from due time to PUBACK, page open",
    line(observed),
    goal("p99 within 50 ms", observed.latencyMs.p99 <= 50),
  );
}

/** Prints the cost of a device with many points. */
export function showDevice({ before, after, openDuration }) {
  const [seconds, worked] = [after.at - before.at, after.worked - before.worked];
  show("device with many points: until its latest value is shown", milliseconds(openDuration));
  show(
    "memory of the tab, chart open, before and after a minute",
    `${megabytes(before.heap)}, ${megabytes(after.heap)}`,
  );
  show("DOM nodes, before and after a minute", `${before.nodes}, ${after.nodes}`);
  show(
    "main thread busy, requests",
    `${((worked / seconds) * 100).toFixed(0)} %, ${((after.requests - before.requests) / seconds).toFixed(1)} /s`,
  );
}
