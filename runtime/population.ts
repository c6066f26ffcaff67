import type { Machine } from "./backend.ts";
import { floatsIn, type Kept, whole } from "./layout.ts";
import type { Plan } from "./plan.ts";
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
  /** Floats of all statistics, where there is an optimiser: what they were before its step stands behind them. */
  readonly #floats: number;
  /** Whether it does: not where others than training steps have written statistics. */
  #copied = true;

  constructor(machine: Machine, kept: readonly Kept[], plan: Plan) {
    this.#machine = machine;
    this.#floats = (plan.entries.update?.regions.stat.fixed ?? 0) / 2;
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

  /** To be told where statistics are written by others than training steps. */
  touch(): void {
    this.#copied = false;
  }

  /** Copies the statistics to where a training step that is skipped finds what they were. Training steps keep the copy up to date. */
  async secure(): Promise<void> {
    if (this.#copied || this.#floats === 0) return;
    const [now] = await this.#machine.read([whole("stat", 0, this.#floats)]);
    await this.#machine.write(whole("stat", this.#floats, this.#floats), now);
    this.#copied = true;
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

  async finite(): Promise<boolean> {
    return (await this.#read()).every((statistic) => statistic.every(Number.isFinite));
  }

  #read(): Promise<Float32Array[]> {
    return this.#machine.read(this.#statistics.map(({ range }) => range));
  }

  async #write(value: (statistic: Kept, index: number) => Float32Array): Promise<void> {
    this.touch();
    for (const [index, statistic] of this.#statistics.entries()) {
      await this.#machine.write(statistic.range, value(statistic, index));
    }
  }
}

function rowsOf(statistic: Kept): number {
  return statistic.shape[0];
}
