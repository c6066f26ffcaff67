/** What is counted of a column while its values go by, in memory that does not grow with their number. */
import { Moments } from "../data/moments.ts";

/** Values of which each is counted. A column with more of them has no classes. */
export const MOST_VALUES = 1000;

/** Symbols of which each is counted: as many as the largest vocabularies have. */
export const MOST_SYMBOLS = 2 ** 18;

/** How often each value comes, as long as there are no more than `most` different ones. */
export class ValueTally<T extends number | string> {
  readonly #most: number;
  readonly #counts = new Map<T, number>();
  /** Whether there are more values than are counted. */
  isFull = false;
  /** All values, the different and the same. */
  count = 0;

  constructor(most: number) {
    this.#most = most;
  }

  add(value: T): void {
    this.count++;
    const before = this.#counts.get(value);
    if (before !== undefined) this.#counts.set(value, before + 1);
    else if (this.#counts.size < this.#most) this.#counts.set(value, 1);
    else this.isFull = true;
  }

  /** The counted values, the most frequent first. */
  get counts(): readonly (readonly [value: T, count: number])[] {
    return [...this.#counts].sort(([, a], [, b]) => b - a);
  }

  get distinct(): number {
    return this.#counts.size;
  }
}

/** Values of a sample: enough for a histogram. */
const SAMPLE = 4096;

/** A fair sample of values; the same for the same values. */
export class Sample {
  readonly values: number[] = [];
  #seen = 0;
  #random = 0x9e3779b9;

  add(value: number): void {
    this.#seen++;
    if (this.values.length < SAMPLE) {
      this.values.push(value);
      return;
    }
    // Vitter's algorithm R, with Marsaglia's xorshift.
    this.#random ^= this.#random << 13;
    this.#random ^= this.#random >>> 17;
    this.#random ^= this.#random << 5;
    const place = Math.floor(((this.#random >>> 0) / 2 ** 32) * this.#seen);
    if (place < SAMPLE) this.values[place] = value;
  }
}

/** Points of a drawn series at most. */
const POINTS = 512;

/** A point of a drawn series: the mean and the range of some steps. */
export interface TracePoint {
  readonly step: number;
  readonly mean: number;
  readonly least: number;
  readonly most: number;
}

/** A series as it can be drawn. Each point stands for twice as many steps whenever there are too many. */
export class Trace {
  #each = 1;
  #sums: { from: number; sum: number; count: number; least: number; most: number }[] = [];
  #steps = 0;

  add(value: number): void {
    const at = Math.floor(this.#steps / this.#each);
    this.#sums[at] ??= { from: this.#steps, sum: 0, count: 0, least: Number.POSITIVE_INFINITY, most: -Infinity };
    const point = this.#sums[at];
    if (!Number.isNaN(value)) {
      point.sum += value;
      point.count++;
      point.least = Math.min(point.least, value);
      point.most = Math.max(point.most, value);
    }
    this.#steps++;
    if (this.#steps === this.#each * POINTS) this.#halve();
  }

  get points(): readonly TracePoint[] {
    return this.#sums
      .filter(({ count }) => count > 0)
      .map(({ from, sum, count, least, most }) => ({ step: from, mean: sum / count, least, most }));
  }

  #halve(): void {
    this.#each *= 2;
    this.#sums = Array.from({ length: this.#sums.length / 2 }, (_, i) => {
      const [a, b] = [this.#sums[2 * i], this.#sums[2 * i + 1]];
      return {
        from: a.from,
        sum: a.sum + b.sum,
        count: a.count + b.count,
        least: Math.min(a.least, b.least),
        most: Math.max(a.most, b.most),
      };
    });
  }
}

/** A number that tells different rows of values from each other. Equal rows have equal ones. */
export class Fingerprint {
  #a = 0x811c9dc5;
  #b = 0x01000193;
  readonly #value = new Float64Array(1);
  readonly #words = new Uint32Array(this.#value.buffer);

  add(value: number): void {
    // Of the many values that are no number, one.
    this.#value[0] = Number.isNaN(value) ? Number.NaN : value;
    for (const word of this.#words) {
      this.#a = Math.imul(this.#a ^ word, 0x01000193);
      this.#b = Math.imul(this.#b + word, 0x85ebca6b) ^ (this.#b >>> 13);
    }
  }

  get text(): string {
    return `${(this.#a >>> 0).toString(16)}.${(this.#b >>> 0).toString(16)}`;
  }
}

/** Series of which the first sequences are drawn, and how many sequences. */
export const MOST_TRACES = 6;

/** What is known of the numbers of a column. */
export class NumberTally {
  readonly moments = new Moments();
  /** The numbers that are missing. */
  missing = 0;
  readonly values = new ValueTally<number>(MOST_VALUES);
  isWhole = true;
  /** Those that are drawn are also kept in part. */
  readonly sample: Sample | undefined;
  readonly traces: Trace[] = [];

  constructor(isDrawn: boolean) {
    this.sample = isDrawn ? new Sample() : undefined;
  }

  begin(): void {
    if (this.sample !== undefined && this.traces.length < MOST_TRACES) this.traces.push(new Trace());
  }

  /** `drawn`: the value is of a sequence that is drawn. */
  add(value: number, isTraced: boolean): void {
    if (isTraced) this.traces.at(-1)?.add(value);
    if (Number.isNaN(value)) {
      this.missing++;
      return;
    }
    this.moments.add(value);
    this.isWhole &&= Number.isInteger(value);
    if (!this.values.isFull) this.values.add(value);
    this.sample?.add(value);
  }
}
