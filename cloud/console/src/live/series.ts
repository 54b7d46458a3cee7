/** Points a series begins with room for. */
const ROOM = 1024;

/** Numbers over time, in order of time, of which the oldest go when there are too many. */
export class Series {
  private at = new Float64Array(ROOM);
  private of = new Float64Array(ROOM);
  private size = 0;

  /** `limit` is how many points are kept. */
  constructor(private readonly limit = 200_000) {}

  get length(): number {
    return this.size;
  }

  /** The last value, if there is one. */
  get last(): number | undefined {
    return this.size > 0 ? this.of[this.size - 1] : undefined;
  }

  /** The time of the first point, if there is one. */
  get first(): number | undefined {
    return this.size > 0 ? this.at[0] : undefined;
  }

  /** Takes a point in. One that comes late finds its place. */
  add(time: number, value: number): void {
    if (this.size === this.limit) this.forget();
    if (this.size === this.at.length) this.grow();
    const place = this.after(time);
    this.at.copyWithin(place + 1, place, this.size);
    this.of.copyWithin(place + 1, place, this.size);
    this.at[place] = time;
    this.of[place] = value;
    this.size++;
  }

  /** The points from one time to another, and one more on each side so that lines go on. */
  between(from: number, to: number): [Float64Array, Float64Array] {
    const begin = Math.max(0, this.after(from) - 1);
    const end = Math.min(this.size, this.after(to) + 1);
    return [this.at.subarray(begin, end), this.of.subarray(begin, end)];
  }

  /** The index of the first point later than `time`. */
  private after(time: number): number {
    let [low, high] = [0, this.size];
    if (this.size > 0 && (this.at[this.size - 1] ?? 0) <= time) return this.size;
    while (low < high) {
      const middle = (low + high) >> 1;
      if ((this.at[middle] ?? 0) <= time) low = middle + 1;
      else high = middle;
    }
    return low;
  }

  private grow(): void {
    const room = Math.min(this.limit, this.at.length * 2);
    const [at, of] = [new Float64Array(room), new Float64Array(room)];
    at.set(this.at);
    of.set(this.of);
    [this.at, this.of] = [at, of];
  }

  /** A tenth at a time, so that it is seldom. */
  private forget(): void {
    const gone = Math.ceil(this.limit / 10);
    this.at.copyWithin(0, gone, this.size);
    this.of.copyWithin(0, gone, this.size);
    this.size -= gone;
  }
}
