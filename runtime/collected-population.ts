import type { LoadedExecutable } from "./backend.ts";
import { mainAxis, noAxis, type PerAxis } from "./batch.ts";
import { floatsIn, type Kept, whole } from "./layout.ts";
import type { Plan } from "./plan.ts";
import { Population } from "./population.ts";
import { countedWith, type Weights, weightsFor } from "./statistics.ts";

/** The statistics as they are in memory. */
export interface StatisticsInMemory {
  readonly machine: LoadedExecutable;
  readonly statistics: readonly Kept[];
  /** For each step, how many batches it was collected from. */
  readonly seen: readonly number[];
}

/** Collects a batch that is a part of longer sequences, and returns the new `seen`. */
export type CollectPart = (
  of: StatisticsInMemory,
  filled: readonly number[],
  momentum: number,
  run: (weights: Weights) => Promise<void>,
) => Promise<readonly number[]>;

/** A session's population statistics: training and estimating collect them batch by batch. */
export class CollectedPopulation extends Population {
  /** Floats of all statistics if there is an optimiser; a copy of them from before its step follows them in memory. */
  readonly #floats: number;
  /** Whether there are statistics of values that are over no time axis. */
  readonly ofExamples: boolean;
  /** Whether that copy is up to date: not if anything but a training step has written statistics. */
  #copied = true;

  constructor(machine: LoadedExecutable, kept: readonly Kept[], plan: Plan) {
    super(machine, kept);
    this.ofExamples = Object.values(plan.entries).some(({ tensors }) =>
      tensors.some(({ name, role }) => role.kind === "hyper" && name === `momentum/${noAxis}`),
    );
    this.#floats = (plan.entries.update?.regions.stat.fixed ?? 0) / 2;
  }

  /**
   * Runs an entry that updates the statistics with those of its batch, by the weights it is given. `filled`: for each step of each time
   * axis, the fraction of a whole batch that has it; for no axis, if there are statistics `ofExamples`, the fraction that has any step. `part`: collects a batch that is a part
   * of longer sequences, which have no other time axis.
   */
  async collect(
    filled: PerAxis<readonly number[]>,
    momentum: number,
    run: (weights: PerAxis<Weights>) => Promise<void>,
    part?: CollectPart,
  ): Promise<void> {
    // The first batch replaces what was written, which would otherwise leave its rounding errors.
    if (this.reached === 0 && this.written.length > 0) await this.forget();
    const axes = Object.entries(filled);
    const before = (axis: string): readonly number[] => this.seen[axis] ?? (axis === noAxis ? [this.#batches] : []);
    if (part !== undefined) {
      const { machine, statistics, known } = this;
      const of = { machine, statistics, seen: known.seen };
      const once = this.ofExamples && { [noAxis]: weightsFor(before(noAxis), filled[noAxis], momentum) };
      const seen = await part(of, filled[mainAxis], momentum, (weights) => run({ [mainAxis]: weights, ...once }));
      const seenOver = once && { [noAxis]: countedWith(before(noAxis), filled[noAxis]) };
      this.restore({ ...known, seen, ...(seenOver && { seenOver }) });
      return;
    }
    await run(Object.fromEntries(axes.map(([axis, now]) => [axis, weightsFor(before(axis), now, momentum)])));
    const { [mainAxis]: seen, ...seenOver } = Object.fromEntries(
      axes.map(([axis, now]) => [axis, countedWith(before(axis), now)]),
    );
    this.restore({ seen, ...(Object.keys(seenOver).length > 0 && { seenOver }), written: this.written });
  }

  /** How many batches were collected from. Checkpoints of early versions do not say it by itself: it is what there is of first steps. */
  get #batches(): number {
    return Math.max(0, ...Object.values(this.seen).map(([first = 0]) => first));
  }

  /** Call it when anything but a training step writes statistics. */
  touch(): void {
    this.#copied = false;
  }

  /** Copies the statistics, so that a training step that is skipped can restore them. Training steps keep the copy up to date. */
  async secure(): Promise<void> {
    if (this.#copied || this.#floats === 0) return;
    const [now] = await this.machine.read([whole("stat", 0, this.#floats)]);
    await this.machine.write(whole("stat", this.#floats, this.#floats), now);
    this.#copied = true;
  }

  async forget(): Promise<void> {
    await this.writeAll(({ range }) => new Float32Array(floatsIn(range)));
    this.restore({ seen: [] });
  }

  /** Saves the statistics as they are, and returns a function that restores them. */
  async remember(): Promise<() => Promise<void>> {
    const { known } = this;
    const statistics = await this.readAll();
    return async () => {
      await this.writeAll((_, index) => statistics[index]);
      this.restore(known);
    };
  }

  async finite(): Promise<boolean> {
    return (await this.readAll()).every((statistic) => statistic.every(Number.isFinite));
  }

  override adopt(name: string): void {
    this.touch();
    super.adopt(name);
  }

  protected override async writeAll(value: (statistic: Kept, index: number) => Float32Array): Promise<void> {
    this.touch();
    await super.writeAll(value);
  }
}
