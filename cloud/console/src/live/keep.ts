/** Adds to a list, of which the newest `limit` are kept; the others go a tenth at a time, so that it is seldom. */
export function keep<T>(list: T[], item: T, limit: number): void {
  list.push(item);
  if (list.length > limit * 1.1) list.splice(0, list.length - limit);
}
