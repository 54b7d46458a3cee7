/** Prints a value, and whether it meets its goal. */
export function show(label, figure, verdict = "") {
  console.log(`${label.padEnd(64)}${figure}${verdict && `   ${verdict}`}`);
}

/** Describes whether a goal is met. */
export function goal(label, isMet) {
  return `goal ${label}: ${isMet ? "pass" : "MISS"}`;
}

/** Returns a percentile. */
export function percentile(values, share) {
  const sorted = [...values].sort((a, b) => a - b);
  return sorted[Math.max(0, Math.ceil((sorted.length * share) / 100) - 1)];
}

export const median = (values) => percentile(values, 50);

export const milliseconds = (value) => `${value.toFixed(value < 10 ? 1 : 0)} ms`;
export const kilobytes = (bytes) => `${(bytes / 1000).toFixed(0)} kB`;
export const megabytes = (bytes) => `${(bytes / 1e6).toFixed(1)} MB`;
