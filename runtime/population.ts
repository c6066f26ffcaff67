import type { LoadedExecutable } from "./backend.ts";
import { RuntimeError } from "./error.ts";
import { floatsIn, type Kept, whole } from "./layout.ts";
import type { Plan } from "./plan.ts";
import { countedWith, repeatLastRow, type Weights, weightsFor } from "./statistics.ts";

/** Which statistics are known. */
export interface KnownStatistics {
  /** For each step, how many batches it was collected from. */
  readonly seen: readonly number[];
  /** Statistics that were written by hand, if not all are known. */
  readonly written?: readonly string[];
}

/** A session's population statistics: collects them batch by batch, and keeps track of which are known. */
export class Population {
  readonly #machine: LoadedExecutable;
  readonly #statistics: readonly Kept[];
  /** Rows of the statistic that has the most; 0 for a model without statistics. */
  readonly rows: number;
  #seen: readonly number[] = [];
  /** Statistics that were written by hand while others had unknown rows; all rows of these are known. */
  readonly #written = new Set<string>();
  /** Whether the rows that no batch reached hold a copy of the last row that one did. */
  #extended = false;
  /** Floats of all statistics if there is an optimiser; a copy of them from before its step follows them in memory. */
  readonly #floats: number;
  /** Whether that copy is up to date: not if anything but a training step has written statistics. */
  #copied = true;

  constructor(machine: LoadedExecutable, kept: readonly Kept[], plan: Plan) {
    this.#machine = machine;
    this.#floats = (plan.entries.update?.regions.stat.fixed ?? 0) / 2;
    this.#statistics = kept.filter(({ kind }) => kind === "stat");
    this.rows = Math.max(0, ...this.#statistics.map(rowsOf));
  }

  /** For each step, how many batches it was collected from; empty if none were. */
  get seen(): readonly number[] {
    return this.#seen;
  }

  /** Statistics that were written by hand, if not all are known. */
  get written(): readonly string[] {
    return [...this.#written];
  }

  /** Throws C0501 unless every statistic is known, naming those that are not. */
  require(model: string): void {
    if (this.#reached > 0 || this.rows === 0) return;
    const missing = this.#statistics.filter(({ name }) => !this.#written.has(name)).map(({ name }) => `\`${name}\``);
    if (missing.length === 0) return;
    const none = this.#written.size === 0;
    throw new RuntimeError(
      "C0501",
      none
        ? `${model} normalizes with population statistics at inference, and none were collected: ${missing.join(", ")}`
        : `${model} lacks population statistics at inference: ${missing.join(", ")} were neither collected nor written`,
      none
        ? "train it, with more than one example a batch, or estimate statistics from training data"
        : "write these, too; or train it, or estimate them all",
    );
  }

  /** What is known, for `restore`. */
  get known(): KnownStatistics {
    return { seen: this.#seen, written: this.written };
  }

  /** Replaces what is known. */
  restore({ seen, written = [] }: KnownStatistics): void {
    this.#seen = seen;
    this.#written.clear();
    for (const name of written) this.#written.add(name);
    this.#extended = false;
  }

  /**
   * Runs an entry that updates the statistics with those of its batch, by the weights it is given. `filled`: for each step, the fraction
   * of a whole batch that has it.
   */
  async collect(filled: readonly number[], momentum: number, run: (weights: Weights) => Promise<void>): Promise<void> {
    // The first batch replaces what was written, which would otherwise leave its rounding errors.
    if (this.#reached === 0 && this.#written.size > 0) await this.forget();
    await run(weightsFor(this.seen, filled, momentum));
    this.restore({ seen: countedWith(this.seen, filled), written: this.written });
  }

  /** Call it when anything but a training step writes statistics. */
  touch(): void {
    this.#copied = false;
  }

  /** Copies the statistics, so that a training step that is skipped can restore them. Training steps keep the copy up to date. */
  async secure(): Promise<void> {
    if (this.#copied || this.#floats === 0) return;
    const [now] = await this.#machine.read([whole("stat", 0, this.#floats)]);
    await this.#machine.write(whole("stat", this.#floats, this.#floats), now);
    this.#copied = true;
  }

  /** Lets steps beyond the longest sequence seen use the statistics of its last step. Returns whether anything was written. */
  async reach(steps: number): Promise<boolean> {
    const known = this.#reached;
    if (this.#extended || steps <= known || known === 0 || known >= this.rows) return false;
    const statistics = await this.#read();
    await this.#write((statistic, index) => {
      const rows = rowsOf(statistic);
      return this.#written.has(statistic.name)
        ? statistics[index]
        : repeatLastRow(statistics[index], rows, Math.min(known, rows));
    });
    this.#extended = true;
    return true;
  }

  /** Records that a statistic was written by hand. Once all are, they count as collected from one batch. */
  adopt(name: string): void {
    this.touch();
    const { seen } = this;
    if (this.#reached >= this.rows) return;
    this.#written.add(name);
    this.#extended = false;
    if (!this.#statistics.every((statistic) => this.#written.has(statistic.name))) return;
    const collected = Array.from({ length: Math.max(this.rows, seen.length) }, (_, t) => Math.max(1, seen[t] ?? 0));
    this.restore({ seen: collected });
  }

  async forget(): Promise<void> {
    await this.#write(({ range }) => new Float32Array(floatsIn(range)));
    this.restore({ seen: [] });
  }

  /** Saves the statistics as they are, and returns a function that restores them. */
  async remember(): Promise<() => Promise<void>> {
    const { known } = this;
    const statistics = await this.#read();
    return async () => {
      await this.#write((_, index) => statistics[index]);
      this.restore(known);
    };
  }

  async finite(): Promise<boolean> {
    return (await this.#read()).every((statistic) => statistic.every(Number.isFinite));
  }

  /** How many rows have been reached by a batch. */
  get #reached(): number {
    return this.#seen.filter((batches) => batches > 0).length;
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
