/** Minimum number of ids kept. */
const CAPACITY = 20_000;
/** Maximum length of a message id in Azure. */
const MAX_ID_LENGTH = 128;

/** Most recent ids, with the time each first arrived. */
export class RecentIds {
  private newer = new Map<string, number>();
  private older = new Map<string, number>();

  /** Records an id. Returns the time it first arrived, if it is a duplicate. */
  record(id: string | undefined, at: number): number | undefined {
    if (id === undefined || id.length > MAX_ID_LENGTH) return undefined;
    const first = this.newer.get(id) ?? this.older.get(id);
    if (first === undefined) this.add(id, at);
    return first;
  }

  /** Adds an id; drops half of the ids at once when full, to amortize the cost. */
  private add(id: string, at: number): void {
    if (this.newer.size === CAPACITY) [this.older, this.newer] = [this.newer, new Map()];
    this.newer.set(id, at);
  }
}
