import type { LoadedExecutable } from "./backend.ts";
import { mainAxis, type PerAxis } from "./batch.ts";
import { RuntimeError } from "./error.ts";
import type { Kept } from "./layout.ts";
import { withNearestRows } from "./statistics.ts";

/** Which statistics are known. */
export interface KnownStatistics {
  /** For each step, how many batches it was collected from. */
  readonly seen: readonly number[];
  /** The same for each time axis but the main one. */
  readonly seenOver?: Readonly<Record<string, readonly number[]>>;
  /** Statistics that were written by hand, if not all are known. */
  readonly written?: readonly string[];
}

/** The population statistics that inference needs, and which of them are known. */
export class Population {
  protected readonly machine: LoadedExecutable;
  protected readonly statistics: readonly Kept[];
  /** Rows of the statistic that has the most; 0 for a model without statistics. */
  readonly rows: number;
  /** By the names of the time axes. */
  #seen: PerAxis<readonly number[]> = {};
  /** Statistics that were written by hand while others had unknown rows; all rows of these are known. */
  readonly #written = new Set<string>();
  /** Whether the rows that no batch reached hold a copy of the last row that one did. */
  #extended = false;
  /** Undefined: not known yet. */
  #complete: boolean | undefined;

  constructor(machine: LoadedExecutable, kept: readonly Kept[]) {
    this.machine = machine;
    this.statistics = kept.filter(({ kind }) => kind === "stat");
    this.rows = Math.max(0, ...this.statistics.map(rowsOf));
  }

  /** For each step of each time axis, how many batches it was collected from; empty if none were. */
  get seen(): PerAxis<readonly number[]> {
    return this.#seen;
  }

  /** What is known, for `restore`. */
  get known(): KnownStatistics {
    const { [mainAxis]: seen = [], ...seenOver } = this.#seen;
    return { seen, ...(Object.keys(seenOver).length > 0 && { seenOver }), written: this.written };
  }

  /** Statistics that were written by hand, if not all are known. */
  get written(): readonly string[] {
    return [...this.#written];
  }

  /** Whether there is a row for every step, so that `reach` has nothing to do. */
  get isComplete(): boolean {
    this.#complete ??= this.rows === 0 || (this.reached > 0 && (this.#extended || !this.#lacks(this.rows)));
    return this.#complete;
  }

  /** Statistics that were neither collected nor written. */
  get unknown(): readonly string[] {
    if (this.reached > 0) return [];
    return this.statistics.flatMap(({ name }) => (this.#written.has(name) ? [] : [name]));
  }

  /** Throws C0501 unless every statistic is known, naming those that are not. */
  require(model: string): void {
    const missing = this.unknown.map((name) => `\`${name}\``);
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

  /** Replaces what is known. */
  restore({ seen, seenOver = {}, written = [] }: KnownStatistics): void {
    this.#seen = { [mainAxis]: seen, ...seenOver };
    this.#written.clear();
    for (const name of written) this.#written.add(name);
    this.#changed(false);
  }

  /**
   * Lets steps that no batch reached use the statistics of the nearest step before them that one did, or else of the first one.
   * Returns whether anything was written.
   */
  async reach(steps: number): Promise<boolean> {
    if (this.#extended || this.reached === 0 || !this.#lacks(steps)) return false;
    const statistics = await this.readAll();
    await this.writeAll((statistic, index) => {
      const rows = rowsOf(statistic);
      return this.#written.has(statistic.name) || rows === 1
        ? statistics[index]
        : withNearestRows(statistics[index], rows, this.#seen[statistic.tensor.axis ?? mainAxis] ?? []);
    });
    this.#changed(true);
    return true;
  }

  #changed(extended: boolean): void {
    this.#extended = extended;
    this.#complete = undefined;
  }

  /** Whether no batch reached one of the first steps, along some axis. */
  #lacks(steps: number): boolean {
    const rows = Array.from({ length: Math.min(steps, this.rows) }, (_, t) => t);
    return Object.values(this.#seen).some((seen) => rows.some((t) => !(seen[t] > 0)));
  }

  /** Records that a statistic was written by hand. Once all are, they count as collected from one batch. */
  adopt(name: string): void {
    if (this.reached >= this.rows) return;
    this.#written.add(name);
    this.#changed(false);
    if (!this.statistics.every((statistic) => this.#written.has(statistic.name))) return;
    const collected = (seen: readonly number[] = []): readonly number[] =>
      Array.from({ length: Math.max(this.rows, seen.length) }, (_, t) => Math.max(1, seen[t] ?? 0));
    const axes = new Set([mainAxis, ...this.statistics.map(({ tensor }) => tensor.axis ?? mainAxis)]);
    const { [mainAxis]: seen = [], ...seenOver } = Object.fromEntries(
      [...axes].map((axis) => [axis, collected(this.#seen[axis])]),
    );
    this.restore({ seen, ...(Object.keys(seenOver).length > 0 && { seenOver }) });
  }

  /** How many rows have been reached by a batch, along the axis where most were. */
  protected get reached(): number {
    return Math.max(0, ...Object.values(this.#seen).map((seen) => seen.filter((batches) => batches > 0).length));
  }

  protected readAll(): Promise<Float32Array[]> {
    return this.machine.read(this.statistics.map(({ range }) => range));
  }

  protected async writeAll(value: (statistic: Kept, index: number) => Float32Array): Promise<void> {
    for (const [index, statistic] of this.statistics.entries()) {
      await this.machine.write(statistic.range, value(statistic, index));
    }
  }
}

function rowsOf(statistic: Kept): number {
  return statistic.shape[0];
}
