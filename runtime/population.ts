import type { Machine } from "./backend.ts";
import { floatsIn, type Kept } from "./layout.ts";
import { countedWith, extend, type Weights, weightsFor } from "./statistics.ts";

/** A session's population statistics: collects them batch by batch, and knows how far they can be trusted. */
export class Population {
  readonly #machine: Machine;
  readonly #statistics: readonly Kept[];
  /** Rows of the statistic that has most; 0 for a model without statistics. */
  readonly rows: number;
  #seen: readonly number[] = [];
  /** Whether the rows no batch reached hold those of the last row that one did. */
  #extended = false;

  constructor(machine: Machine, kept: readonly Kept[]) {
    this.#machine = machine;
    this.#statistics = kept.filter(({ kind }) => kind === "stat");
    this.rows = Math.max(0, ...this.#statistics.map(rowsOf));
  }

  /** For each step, the batches it was collected from; empty: none were collected. */
  get seen(): readonly number[] {
    return this.#seen;
  }

  set seen(seen: readonly number[]) {
    this.#seen = seen;
    this.#extended = false;
  }

  /**
   * Runs an entry that folds its batch into the statistics with the weights it is given. `filled`: for each step, for which part
   * of the batch's places there are examples.
   */
  async collect(filled: readonly number[], momentum: number, run: (weights: Weights) => Promise<void>): Promise<void> {
    await run(weightsFor(this.seen, filled, momentum));
    this.seen = countedWith(this.seen, filled);
  }

  /** Lets steps beyond the longest sequence seen use the statistics of its last step; whether anything was written. */
  async reach(steps: number): Promise<boolean> {
    const known = this.seen.filter((batches) => batches > 0).length;
    if (this.#extended || steps <= known || known === 0 || known >= this.rows) return false;
    const statistics = await this.#read();
    await this.#write((statistic, index) => {
      const rows = rowsOf(statistic);
      return extend(statistics[index], rows, Math.min(known, rows));
    });
    this.#extended = true;
    return true;
  }

  /** Counts statistics that were written by hand as collected. */
  adopt(): void {
    const { seen } = this;
    this.seen = Array.from({ length: Math.max(this.rows, seen.length) }, (_, t) => Math.max(1, seen[t] ?? 0));
  }

  async forget(): Promise<void> {
    await this.#write(({ range }) => new Float32Array(floatsIn(range)));
    this.seen = [];
  }

  /** Keeps the statistics as they are, and returns what brings them back. */
  async remember(): Promise<() => Promise<void>> {
    const { seen } = this;
    const statistics = await this.#read();
    return async () => {
      await this.#write((_, index) => statistics[index]);
      this.seen = seen;
    };
  }

  async finite(): Promise<boolean> {
    return (await this.#read()).every((statistic) => statistic.every(Number.isFinite));
  }

  #read(): Promise<Float32Array[]> {
    return this.#machine.read(this.#statistics.map(({ range }) => range));
  }

  async #write(value: (statistic: Kept, index: number) => Float32Array): Promise<void> {
    for (const [index, statistic] of this.#statistics.entries()) {
      await this.#machine.write(statistic.range, value(statistic, index));
    }
  }
}

function rowsOf(statistic: Kept): number {
  return statistic.shape[0];
}
