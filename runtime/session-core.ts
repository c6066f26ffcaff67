import type { Backend } from "./backend.ts";
import { axisOf, mainAxis, noAxis, type OwnBatch } from "./batch.ts";
import { BatchVariants } from "./batch-variants.ts";
import type { Continuation } from "./carrier.ts";
import type { Carriers, Going } from "./carriers.ts";
import { closed } from "./closable.ts";
import { CollectedPopulation } from "./collected-population.ts";
import { RuntimeError } from "./error.ts";
import type { Feed } from "./feed.ts";
import { GradientSum } from "./gradient-sum.ts";
import { firstRow, type Holder, type InferenceFeed } from "./inference.ts";
import { axesOfPlan } from "./inference-arguments.ts";
import { elementsOf, type Kept, keptTensors, type Range, rangeOf, whole } from "./layout.ts";
import { atOnce, filledAt } from "./lengths.ts";
import type { Averages } from "./metric-averager.ts";
import type { Plan } from "./plan.ts";
import type { Runner } from "./runner.ts";
import type { CarryOptions, CarryPurpose, StatisticsMode } from "./session-types.ts";
import { shown } from "./shown.ts";
import { degenerateStatistics, refuseOwnOfSingle } from "./single-example.ts";
import { SkippedSteps } from "./skipped-steps.ts";
import type { Counters, SavedTensor } from "./state.ts";
import { Turns } from "./turns.ts";

/** What has just inferred a batch. `ended`: what lets the next one go on from it. */
interface Inferred {
  readonly runner: Runner;
  readonly ended?: () => void;
}

type InferBatch = (batch: OwnBatch, feed: InferenceFeed, going: Going | undefined) => Promise<Inferred>;

/** One weight of the newest batch for all statistics: those of every axis, and those of values that are over none. */
export const allMomenta = (plan: Plan, weight: number): Readonly<Record<string, number>> =>
  Object.fromEntries(
    [...new Set([mainAxis, noAxis, ...axesOfPlan(plan)])].flatMap((axis) => {
      const suffix = axis === mainAxis ? "" : `/${axis}`;
      return [`momentum${suffix}`, `momentum_step${suffix}`].map((name) => [name, weight]);
    }),
  );

/**
 * What a session's calls share: the machine, what is known of the population and counted, and how entries run on batches. `Session` is
 * what a program sees of it.
 */
export class SessionCore {
  /** What it runs on. */
  readonly backend: Backend;
  /** Runs batches of the size that the executable was compiled for, and trains. */
  readonly main: Runner;
  /** What a state has: parameters, slots and statistics. */
  readonly kept: readonly Kept[];
  readonly population: CollectedPopulation;
  counters: Omit<Counters, "seen" | "seenOver">;
  /** The model for other batch sizes. */
  readonly variants: BatchVariants;
  /** Counts changes of parameters and statistics, which tells whether a variant has the newest. */
  version = 0;
  /** Counts calls of `infer`. */
  #inferences = 0;
  /** Steps that were not reported, and may have been skipped. */
  readonly skipped: SkippedSteps;
  /** What goes on from call to call. */
  readonly carriers: Carriers | undefined;
  /** The runner that ran last, whose tensors can be read. */
  recent: Runner;
  readonly #turns = new Turns();
  #closed = false;
  readonly holder: Holder;

  constructor(backend: Backend, runner: Runner, seed: number, carriers: Carriers | undefined) {
    this.carriers = carriers;
    this.backend = backend;
    this.main = runner;
    this.variants = new BatchVariants(runner, backend);
    this.recent = runner;
    this.kept = keptTensors(runner.plan);
    this.population = new CollectedPopulation(runner.machine, this.kept, runner.plan);
    this.skipped = new SkippedSteps(runner);
    this.counters = { seed, step: 0, run: 0 };
    const { rows } = this.population;
    this.holder = {
      plan: runner.plan,
      rows,
      turns: this.#turns,
      ready: (examples) => {
        if (this.#closed) throw closed("session");
        if (this.skipped.unchecked || !this.population.isComplete) return undefined;
        return examples === runner.plan.dims.batch ? runner : this.variants.ready(examples, this.version);
      },
      ran: (runner) => {
        this.recent = runner;
      },
      exclusive: (act) => this.exclusive(act),
      planFor: (examples) => this.variants.planFor(examples),
      count: () => this.#inferences++,
      run: async (entry, batch, steps, feed) => {
        const runner = await this.inferring(batch, steps);
        await runner.run(entry, batch, { ...this.feed("infer", feed.run), ...feed }, firstRow(rows, feed));
        this.recent = runner;
        return runner;
      },
    };
  }

  get plan(): Plan {
    return this.main.plan;
  }

  /** Frees the memory after the calls made so far, and refuses later ones. */
  close(): void {
    void this.exclusive(async () => {
      this.main.machine.close();
      this.variants.close();
    }).catch(() => {});
    this.#closed = true;
  }

  /** Runs `train` on each batch, and leaves the gradient of all of them to the optimiser. Statistics are as before if it fails. */
  async accumulate(batches: readonly OwnBatch[], hyper: Feed["hyper"], momentum: number): Promise<Averages> {
    const back = await this.population.remember();
    const sum = new GradientSum(this.main);
    try {
      for (const [i, batch] of batches.entries()) {
        await this.collect("train", batch, this.counters.run + i, hyper, momentum, {});
        await sum.add(batch);
      }
      return await sum.settle();
    } catch (error) {
      await back();
      throw error;
    }
  }

  /**
   * Throws C0502 and sets the counters back if one of the steps not checked yet was skipped. `loss` is that of the last one; the norm of
   * its gradient is read from `norm` and returned.
   */
  async settle(loss?: number, norm?: Range): Promise<number | undefined> {
    const { skip, others } = await this.skipped.check(norm ? [norm] : []);
    const gradientNorm = others.at(0)?.[0];
    if (skip === undefined) return gradientNorm;
    this.counters = { ...this.counters, step: skip.before.step, run: skip.before.run };
    this.population.restore(skip.before.known);
    throw await this.skipped.error(skip, loss === undefined ? undefined : { loss, norm: gradientNorm });
  }

  /**
   * Runs one call at a time: a run's inputs and results share the machine's memory. If `settled`, it first throws C0502 for a
   * training step that was skipped and not reported.
   */
  exclusive<R>(act: () => Promise<R>, settled = true): Promise<R> {
    if (this.#closed) return Promise.reject(closed("session"));
    return this.#turns.take(async () => {
      if (settled && this.skipped.unchecked) await this.settle();
      return act();
    });
  }

  /** Restores the statistics and what is known about them if `act` fails. */
  collectingAnew<R>(act: () => Promise<R>): Promise<R> {
    return this.exclusive(async () => {
      const counters = this.counters;
      const back = await this.population.remember();
      try {
        return await act();
      } catch (error) {
        this.counters = counters;
        this.version++;
        await back();
        throw error;
      }
    });
  }

  /** The parameters that are trained. */
  get trained(): readonly Kept[] {
    return this.kept.filter(
      ({ kind, tensor: { role } }) => kind === "param" && role.kind === "param" && !role.constant,
    );
  }

  /** The parameters that are trained, or their gradients, which are at the same places. */
  async readTrained(region: "param" | "grad"): Promise<Map<string, SavedTensor>> {
    const { trained } = this;
    const data = await this.main.machine.read(trained.map(({ range }) => ({ ...range, region })));
    return new Map(trained.map(({ name, shape }, i) => [name, { shape, data: data[i] }]));
  }

  /** What an entry is fed besides its batch. */
  feed(purpose: Feed["purpose"], run: number, hyper: Feed["hyper"] = {}): Feed {
    return { hyper, seed: this.counters.seed, purpose, run };
  }

  /** Errors: C0406, for a batch of another size than the executable's. */
  checkExamples({ examples }: OwnBatch, help: string): void {
    const { name, dims } = this.plan;
    if (examples === dims.batch) return;
    const message = `${name} is compiled for batches of ${dims.batch} examples, and this one has ${examples}`;
    throw new RuntimeError("C0406", message, help);
  }

  /** Errors: C0406. */
  carrying(): Carriers {
    if (this.carriers !== undefined) return this.carriers;
    const message = `this session of ${this.plan.name} carries no states from batch to batch`;
    throw new RuntimeError("C0406", message, "open it with { carrying }, which cellc/runtime exports");
  }

  /** How the batches of a call go on; undefined if each begins anew. */
  going(carry: boolean | CarryOptions | undefined, purpose?: CarryPurpose): Going | undefined {
    return carry === undefined || carry === false ? undefined : this.carrying().going(carry, purpose);
  }

  /** Lets `act` infer batches with these statistics. Those of the population are as before when it ends. */
  async withStatistics<R>(of: StatisticsMode | undefined, act: (infer: InferBatch) => Promise<R>): Promise<R> {
    if (of !== "batch") return act((batch, feed, going) => this.#infer(batch, feed, going));
    const back = await this.population.remember();
    try {
      return await act((batch, feed, going) => this.#inferByOwn(batch, feed, going));
    } finally {
      await back();
      this.version++;
    }
  }

  async #infer(batch: OwnBatch, feed: InferenceFeed, going: Going | undefined): Promise<Inferred> {
    if (going === undefined) return { runner: await this.holder.run("infer", batch, batch.steps, feed) };
    const plan = this.variants.planFor(batch.examples) ?? this.plan;
    const part = going.next(plan, "infer", batch, this.population.rows);
    const { first, stream } = part;
    const runner = await this.inferring(batch, first + batch.steps);
    await part.infer(runner, () => runner.run("infer", batch, { ...this.feed("infer", feed.run), ...feed, stream }));
    this.recent = runner;
    return { runner, ended: await part.ended(runner) };
  }

  /** Estimating runs a batch as training does, without masks. It collects nothing where the batch has no weight. */
  async #inferByOwn(batch: OwnBatch, feed: InferenceFeed, going: Going | undefined): Promise<Inferred> {
    const runner = await this.runnerFor(batch);
    refuseOwnOfSingle(runner.plan, batch);
    const part = going?.next(runner.plan, "estimate", batch, this.population.rows);
    const hyper = { ...allMomenta(runner.plan, 0), between: 0, step: this.counters.step + 1 };
    const fed = { ...this.feed("infer", feed.run, hyper), ...feed, stream: part?.stream };
    const act = (): Promise<void> => runner.run("estimate", batch, fed);
    await (part?.infer(runner, act) ?? act());
    this.recent = runner;
    return { runner, ended: await part?.ended(runner) };
  }

  /** Runs an entry that updates the population statistics with those of its batch. */
  async collect(
    entry: "train" | "estimate",
    batch: OwnBatch,
    run: number,
    hyper: Feed["hyper"],
    momentum: number,
    { runner = this.main, part }: { readonly runner?: Runner; readonly part?: Continuation },
  ): Promise<void> {
    runner.makeRoom(entry, batch);
    if (entry === "estimate") this.population.touch();
    const isDegenerate = entry === "train" && degenerateStatistics(runner.plan, entry, batch).length > 0;
    const size = isDegenerate ? 0 : batch.examples / this.plan.dims.batch;
    // By the law of total variance, a single example counts as itself.
    const alone = hyper.between === 1;
    const axes = { ...batch.axes, ...(this.population.ofExamples && { [noAxis]: atOnce(batch) }) };
    const filled = Object.entries(axes).map(([axis, { steps, existing }]) => {
      const fractions = existing ? filledAt(existing, alone) : new Array<number>(steps).fill(1);
      return [axis, fractions.map((fraction) => fraction * size)] as const;
    });
    await this.population.collect(
      Object.fromEntries(filled),
      momentum,
      async (weights) => {
        const numbers = Object.entries(weights).flatMap(([axis, { steps, shared }]) => {
          const suffix = axis === mainAxis ? "" : `/${axis}`;
          return [
            [`momentum${suffix}`, shared],
            [`momentum_step${suffix}`, steps],
          ] as const;
        });
        const feed = this.feed(entry, run, { ...hyper, ...Object.fromEntries(numbers) });
        await runner.run(entry, batch, { ...feed, stream: part?.stream });
        await this.variants.takeStatistics(runner);
      },
      part?.collect,
    );
    this.recent = runner;
    this.version++;
  }

  /** The runner that infers `batch`, with statistics for `steps` steps. Errors: C0501, C0406 (batch). */
  async inferring(batch: OwnBatch, steps: number): Promise<Runner> {
    this.population.require(this.plan.name);
    if (await this.population.reach(steps)) this.version++;
    return this.runnerFor(batch);
  }

  /** The runner for a batch's size, with the current parameters and statistics. */
  async runnerFor(batch: OwnBatch): Promise<Runner> {
    const { name, dims } = this.plan;
    const variant =
      batch.examples === dims.batch ? undefined : await this.variants.runnerFor(batch.examples, this.version);
    if (variant !== undefined) return variant;
    const help = `compile ${name} with a batch of ${batch.examples} and \`attach\` it to the session, or leave these examples out`;
    this.checkExamples(batch, help);
    return this.main;
  }

  /** Where a tensor is that can be read. Errors: C0406. */
  find(name: string): { readonly runner: Runner; readonly range: Range } {
    if (typeof name !== "string") throw new RuntimeError("C0406", `a tensor's name is a text, not ${shown(name)}`);
    const kept = this.kept.find((candidate) => candidate.name === name);
    if (kept !== undefined) return { runner: this.main, range: kept.range };
    const { last } = this.recent;
    const recent = last?.entry.tensors.find((tensor) => tensor.name === name);
    if (last !== undefined && recent !== undefined) {
      return { runner: this.recent, range: rangeOf(recent, last.entry, axisOf(last.batch, recent).steps) };
    }
    const tensors = Object.values(this.plan.entries).flatMap((entry) => entry.tensors);
    const other = tensors.find((tensor) => tensor.name === name);
    if (other?.region === "grad") {
      return { runner: this.main, range: whole("grad", other.offset, elementsOf(other.shape)) };
    }
    throw other === undefined
      ? new RuntimeError("C0406", `${this.plan.name} has no tensor \`${name}\``)
      : new RuntimeError("C0406", `\`${name}\` is not in memory: it is not computed by what ran last`);
  }
}
