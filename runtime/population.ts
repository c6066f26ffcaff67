import type { Machine } from "./backend.ts";
import { floatsIn, type Kept } from "./layout.ts";
import { blend, countedWith, extend, weightsFor } from "./statistics.ts";

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

  /** For each row, the batches it was collected from; empty: none were collected. */
  get seen(): readonly number[] {
    return this.#seen;
  }

  set seen(seen: readonly number[]) {
    this.#seen = seen;
    this.#extended = false;
  }

  /** Runs an entry that folds its batch of `steps` steps into the statistics with the momentum it is given. */
  async collect(steps: number, momentum: number, run: (momentum: number) => Promise<void>): Promise<void> {
    const weights = weightsFor(this.seen, this.rows, steps, momentum);
    if (weights.every((weight) => weight === weights[0])) {
      await run(weights[0] ?? momentum);
    } else {
      // Rows that were seen unequally often need unequal weights, which a kernel does not have: fold here. A momentum of one
      // leaves the batch's own statistics behind.
      const old = await this.#read();
      await run(1);
      const batch = await this.#read();
      await this.#write((statistic, index) => blend(old[index], batch[index], rowsOf(statistic), weights));
    }
    this.seen = countedWith(this.seen, this.rows, steps);
  }

  /** Lets steps beyond the longest sequence seen use the statistics of its last step; whether anything was written. */
  async reach(steps: number): Promise<boolean> {
    const known = this.seen.length;
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
    this.seen = Array.from({ length: this.rows }, (_, row) => Math.max(1, this.seen[row] ?? 0));
  }

  async forget(): Promise<void> {
    await this.#write(({ range }) => new Float32Array(floatsIn(range)));
    this.seen = [];
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
