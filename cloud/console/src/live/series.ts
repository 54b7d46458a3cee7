/** Initial capacity, in points. */
const INITIAL_CAPACITY = 1024;

/** Time series in order of time; the oldest points are dropped when it is full. */
export class Series {
  private times = new Float64Array(INITIAL_CAPACITY);
  private values = new Float64Array(INITIAL_CAPACITY);
  private size = 0;

  /** Creates a series that keeps `limit` points. */
  constructor(private readonly limit = 200_000) {}

  get length(): number {
    return this.size;
  }

  /** Latest value. */
  get last(): number | undefined {
    return this.size > 0 ? this.values[this.size - 1] : undefined;
  }

  /** Time of the first point. */
  get first(): number | undefined {
    return this.size > 0 ? this.times[0] : undefined;
  }

  /** Adds a point; a late point is inserted at its time. */
  add(time: number, value: number): void {
    if (this.size === this.limit) this.dropOldest();
    if (this.size === this.times.length) this.grow();
    const index = this.indexAfter(time);
    this.times.copyWithin(index + 1, index, this.size);
    this.values.copyWithin(index + 1, index, this.size);
    this.times[index] = time;
    this.values[index] = value;
    this.size++;
  }

  /** Returns the points between two times, plus one on each side so that the line continues. */
  between(from: number, to: number): [Float64Array, Float64Array] {
    const begin = Math.max(0, this.indexAfter(from) - 1);
    const end = Math.min(this.size, this.indexAfter(to) + 1);
    return [this.times.subarray(begin, end), this.values.subarray(begin, end)];
  }

  /** Returns the index of the first point later than `time`. */
  private indexAfter(time: number): number {
    let [low, high] = [0, this.size];
    if (this.size > 0 && (this.times[this.size - 1] ?? 0) <= time) return this.size;
    while (low < high) {
      const middle = (low + high) >> 1;
      if ((this.times[middle] ?? 0) <= time) low = middle + 1;
      else high = middle;
    }
    return low;
  }

  private grow(): void {
    const capacity = Math.min(this.limit, this.times.length * 2);
    const [times, values] = [new Float64Array(capacity), new Float64Array(capacity)];
    times.set(this.times);
    values.set(this.values);
    [this.times, this.values] = [times, values];
  }

  /** Drops the oldest tenth of the points, to amortize the cost. */
  private dropOldest(): void {
    const dropped = Math.ceil(this.limit / 10);
    this.times.copyWithin(0, dropped, this.size);
    this.values.copyWithin(0, dropped, this.size);
    this.size -= dropped;
  }
}
