/**
 * Appends to a list that keeps the latest `limit` items; older items are removed a tenth at a
 * time, to amortize the cost.
 */
export function pushBounded<T>(list: T[], item: T, limit: number): void {
  list.push(item);
  if (list.length > limit * 1.1) list.splice(0, list.length - limit);
}
