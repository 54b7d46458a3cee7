/** Ids of which at least so many are remembered. */
const ROOM = 20_000;
/** Longer than any id Azure takes. */
const LONGEST = 128;

/** The newest ids, and when each first came. */
export class RecentIds {
  private newer = new Map<string, number>();
  private older = new Map<string, number>();

  /** Remembers an id. Returns when it had come before, if it had. */
  note(id: string | undefined, at: number): number | undefined {
    if (id === undefined || id.length > LONGEST) return undefined;
    const first = this.newer.get(id) ?? this.older.get(id);
    if (first === undefined) this.add(id, at);
    return first;
  }

  /** Half of them go at once, which is cheaper than one by one. */
  private add(id: string, at: number): void {
    if (this.newer.size === ROOM) [this.older, this.newer] = [this.newer, new Map()];
    this.newer.set(id, at);
  }
}
