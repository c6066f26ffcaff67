/** Draws for fuzzers: the same seed, the same draws, on every machine. */
import { uniform } from "../ir/numbers.ts";

export class Random {
  readonly #next: () => number;

  constructor(seed: number) {
    this.#next = uniform(seed);
  }

  /** In [0, 1). */
  fraction(): number {
    return this.#next();
  }

  /** A whole number from 0 to n − 1. */
  below(n: number): number {
    return Math.floor(this.#next() * n);
  }

  chance(probability: number): boolean {
    return this.#next() < probability;
  }

  pick<T>(list: readonly T[]): T {
    return list[this.below(list.length)];
  }

  /** Restarts the same sequence of draws each time it is called. */
  again(): () => Random {
    const seed = this.below(2 ** 31);
    return () => new Random(seed);
  }
}
