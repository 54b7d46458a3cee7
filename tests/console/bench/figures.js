/** Prints a figure, and whether it reaches its goal. */
export function show(what, figure, verdict = "") {
  console.log(`${what.padEnd(64)}${figure}${verdict && `   ${verdict}`}`);
}

/** Whether a goal is reached, in words. */
export function goal(what, isReached) {
  return `goal ${what}: ${isReached ? "pass" : "MISS"}`;
}

/** The value that so many of a hundred are not above. */
export function percentile(values, share) {
  const sorted = [...values].sort((a, b) => a - b);
  return sorted[Math.max(0, Math.ceil((sorted.length * share) / 100) - 1)];
}

export const median = (values) => percentile(values, 50);

export const milliseconds = (value) => `${value.toFixed(value < 10 ? 1 : 0)} ms`;
export const kilobytes = (bytes) => `${(bytes / 1000).toFixed(0)} kB`;
export const megabytes = (bytes) => `${(bytes / 1e6).toFixed(1)} MB`;
