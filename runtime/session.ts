import {
  checkRunHyper,
  eachBatch,
  estimateOptions,
  noClipping,
  sessionInferOptions,
  sessionOptions,
  trainingBatches,
  trainOptions,
} from "./arguments.ts";
import type { Backend } from "./backend.ts";
import { axisOf, type Batch, mainAxis, noAxis, type OwnBatch } from "./batch.ts";
import { BatchVariants } from "./batch-variants.ts";
import type { CarriedState, Continuation } from "./carrier.ts";
import type { Carriers, Going } from "./carriers.ts";
import { ownCounters, ownTensors } from "./check-state.ts";
import { closed } from "./closable.ts";
import { CollectedPopulation } from "./collected-population.ts";
import { RuntimeError } from "./error.ts";
import type { Feed } from "./feed.ts";
import { allFillers } from "./fillers.ts";
import { firstValues, refuseUntrainable } from "./first-values.ts";
import { GradientSum } from "./gradient-sum.ts";
import {
  firstRow,
  type Holder,
  type InferenceFeed,
  inferenceOf,
  isComplete,
  openStream,
  resultsOf,
} from "./inference.ts";
import { axesOfPlan, ownBatch, restoreOptions } from "./inference-arguments.ts";
import { finiteNumbers } from "./inputs.ts";
import { elementsOf, floatsIn, type Kept, keptTensors, type Range, rangeOf, whole } from "./layout.ts";
import { atOnce, filledAt } from "./lengths.ts";
import { type Averages, isMeasure, MetricAverager } from "./metric-averager.ts";
import type { EntryName, Executable, Plan } from "./plan.ts";
import { Runner } from "./runner.ts";
import type {
  Batches,
  CarryOptions,
  CarryPurpose,
  EstimateOptions,
  Evaluation,
  Inference,
  SessionInferOptions,
  SessionOptions,
  StreamOptions,
  TrainOptions,
  TrainReport,
} from "./session-types.ts";
import { shown } from "./shown.ts";
import { degenerateStatistics, refuseSingleExample } from "./single-example.ts";
import { SkippedSteps } from "./skipped-steps.ts";
import { type Counters, compareState, type RestoreOptions, type SessionState } from "./state.ts";
import type { Stream } from "./stream.ts";

/**
 * An executable with parameters, optimiser state and statistics: it trains, estimates, infers, and returns its state for a
 * checkpoint. Calls may overlap; they are carried out one after another.
 */
export class Session {
  /** What it runs on. */
  readonly backend: Backend;
  readonly #main: Runner;
  readonly #kept: readonly Kept[];
  readonly #population: CollectedPopulation;
  #counters: Omit<Counters, "seen" | "seenOver">;
  readonly #variants: BatchVariants;
  /** Counts changes of parameters and statistics, which tells whether a variant has the newest. */
  #version = 0;
  /** Counts calls of `infer`. */
  #inferences = 0;
  readonly #skipped: SkippedSteps;
  /** What goes on from call to call. */
  readonly #carriers: Carriers | undefined;
  /** The runner that ran last, whose tensors can be read. */
  #recent: Runner;
  #turn: Promise<unknown> = Promise.resolve();
  #closed = false;
  readonly #holder: Holder;
  /** Free texts that go into its states, by key, such as how inputs were scaled. `restore` takes those of the state. */
  notes: Readonly<Record<string, string>> = {};

  private constructor(backend: Backend, runner: Runner, seed: number, carriers: Carriers | undefined) {
    this.#carriers = carriers;
    this.backend = backend;
    this.#main = runner;
    this.#variants = new BatchVariants(runner, backend);
    this.#recent = runner;
    this.#kept = keptTensors(runner.plan);
    this.#population = new CollectedPopulation(runner.machine, this.#kept, runner.plan);
    this.#skipped = new SkippedSteps(runner);
    this.#counters = { seed, step: 0, run: 0 };
    const { rows } = this.#population;
    this.#holder = {
      plan: runner.plan,
      rows,
      exclusive: (act) => this.#exclusive(act),
      planFor: (examples) => this.#variants.planFor(examples),
      count: () => this.#inferences++,
      run: async (entry, batch, steps, feed) => {
        const runner = await this.#inferring(batch, steps);
        await runner.run(entry, batch, { ...this.#feed("infer", feed.run), ...feed }, firstRow(rows, feed));
        this.#recent = runner;
        return runner;
      },
    };
  }

  /**
   * Loads an executable and initialises its parameters from the seed (a whole number). Optimiser state starts at zero; statistics
   * are not known yet. With a `state`, it continues from that. Errors: C0406 (seed), C0411 (a damaged executable), C0502 (an initial
   * value is not finite), those of the backend (C0503 … C0508) and of `restore` (C0403, C0404).
   */
  static async open(executable: Executable, backend: Backend, options: SessionOptions): Promise<Session> {
    const { seed, state, carrying } = sessionOptions(options);
    const runner = await Runner.open(executable, backend, allFillers);
    const session = new Session(backend, runner, seed, carrying?.());
    if (state !== undefined) {
      try {
        await session.restore(state);
      } catch (error) {
        session.close();
        throw error;
      }
      return session;
    }
    const first = firstValues(session.plan, session.#kept, seed);
    for (const { name, kind, range } of session.#kept) {
      if (kind === "param") await session.#main.machine.write(range, first(name));
    }
    return session;
  }

  get plan(): Plan {
    return this.#main.plan;
  }

  /** The number of updates so far. */
  get step(): number {
    return this.#counters.step;
  }

  /**
   * Lets the same model, compiled for another batch size, serve batches of that size in `infer`, `evaluate`, `estimate` and
   * `stream`. Errors: C0403, naming what differs, if it is another model.
   */
  attach(executable: Executable): Promise<void> {
    return this.#exclusive(() => this.#variants.add(executable));
  }

  /**
   * One step: forward, backward, statistics, update. Of several batches, the update is that of one batch of all their examples, exactly
   * so where no norm reads the batch's own statistics; loss and metrics are means over all. The options `carry` and `outputs` are for a
   * single batch. A batch of one example does not count towards statistics that it says nothing about, such as variances (the compiler
   * warns of this: W0603). Errors: C0406 (batch, options); C0502 if the loss, the gradient, its
   * norm or the result of the update is not finite, in this step or in an earlier one that was not reported: everything is then as it
   * was before that step.
   */
  train(batch: Batch | readonly Batch[], options: TrainOptions & { readonly report: false }): Promise<undefined>;
  train(batch: Batch | readonly Batch[], options: TrainOptions & { readonly report?: true }): Promise<TrainReport>;
  train(batch: Batch | readonly Batch[], options: TrainOptions): Promise<TrainReport | undefined>;
  train(given: Batch | readonly Batch[], options: TrainOptions): Promise<TrainReport | undefined> {
    return this.#exclusive(async () => {
      const { lr, clip, momentum, report, outputs, carry, hyper: others } = trainOptions(options, this.plan);
      const going = this.#going(carry, "train");
      const batches = trainingBatches(given, this.plan, { going, outputs });
      for (const batch of batches) this.#checkExamples(batch, "leave examples out until it has as many");
      const step = this.#counters.step + 1;
      const hyper = { ...others, lr, clip, step };
      refuseUntrainable(this.plan, this.#kept);
      const update = this.#main.entry("update");
      const { run } = this.#counters;
      const before = { step: this.#counters.step, run, known: this.#population.known };
      await this.#population.secure();
      const batch = batches[batches.length - 1];
      const part = going?.next(this.plan, "train", batch, this.#population.rows);
      const averages = batches.length > 1 ? await this.#accumulate(batches, hyper, momentum) : undefined;
      if (averages === undefined) await this.#collect("train", batch, run, hyper, momentum, { part });
      this.#counters = { ...this.#counters, run: run + batches.length };
      const result = report ? { outputs: {}, ...(averages ?? (await resultsOf(this.#main, outputs))) } : undefined;
      const ended = await part?.ended(this.#main);
      await this.#main.run("update", { ...batch, inputs: {} }, this.#feed("train", run, hyper));
      const due = this.#skipped.note(before);
      this.#counters = { ...this.#counters, step };
      this.#version++;
      if (result === undefined) {
        // States go on only from a step that was not skipped.
        if (due || ended) await this.#settle();
        ended?.();
        return undefined;
      }
      if (result.loss === undefined) throw new Error(`entry \`train\` of ${this.plan.name} has no loss`);
      const norm = update.tensors.find(({ name, role }) => role.kind === "metric" && name === "gradient_norm");
      const gradientNorm = await this.#settle(result.loss, norm && rangeOf(norm, update, batch.steps));
      ended?.();
      const { loss, metrics } = result;
      return { step, loss, metrics, gradientNorm, ...(outputs && { outputs: result.outputs }) };
    }, false);
  }

  /** Runs `train` on each batch, and leaves the gradient of all of them to the optimiser. Statistics are as before if it fails. */
  async #accumulate(batches: readonly OwnBatch[], hyper: Feed["hyper"], momentum: number): Promise<Averages> {
    const back = await this.#population.remember();
    const sum = new GradientSum(this.#main);
    try {
      for (const [i, batch] of batches.entries()) {
        await this.#collect("train", batch, this.#counters.run + i, hyper, momentum, {});
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
  async #settle(loss?: number, norm?: Range): Promise<number | undefined> {
    const { skip, others } = await this.#skipped.check(norm ? [norm] : []);
    const gradientNorm = others.at(0)?.[0];
    if (skip === undefined) return gradientNorm;
    this.#counters = { ...this.#counters, step: skip.before.step, run: skip.before.run };
    this.#population.restore(skip.before.known);
    throw await this.#skipped.error(skip, loss === undefined ? undefined : { loss, norm: gradientNorm });
  }

  /**
   * Estimates population statistics at the current parameters: the average of the batches' own statistics (Cooijmans et al. 2016,
   * section 3), weighted by their number of examples. What was collected before is discarded. Returns the number of batches. Batches
   * of another size need an attached executable of that size. Noise is drawn. Errors: C0406 (a batch is wrong or there is none; a
   * batch of one example says nothing about a statistic), C0502 if a statistic is not finite; the statistics are then as before.
   * Does nothing for a model without statistics.
   */
  estimate(batches: Batches, options: EstimateOptions = {}): Promise<number> {
    return this.#collectingAnew(async () => {
      const { carry, ...parsed } = estimateOptions(options);
      let { variance } = parsed;
      if (this.#population.rows === 0) return 0;
      await this.#population.forget();
      this.#counters = { ...this.#counters, estimated: undefined };
      this.#version++;
      const going = this.#going(carry);
      let count = 0;
      for await (const given of eachBatch(batches)) {
        const batch = ownBatch(going?.batch(given) ?? given, this.plan);
        // What is carried, statistics too, stays in one place.
        if (going) this.#checkExamples(batch, "leave examples out until it has as many");
        const runner = await this.#runnerFor(batch);
        const part = going?.next(this.plan, "estimate", batch, this.#population.rows);
        variance ??= batch.examples === 1 ? "total" : "within";
        const between = Number(variance === "total");
        refuseSingleExample(runner.plan, batch, between === 1);
        const hyper = { step: this.#counters.step + 1, between };
        await this.#collect("estimate", batch, count, hyper, 0, { runner, part });
        (await part?.ended(runner))?.();
        count++;
      }
      if (count === 0) throw new RuntimeError("C0406", "there is no batch to estimate statistics from");
      if (!(await this.#population.finite())) {
        await this.#population.forget();
        throw new RuntimeError("C0502", "a population statistic is not finite", "look for inputs that are not finite");
      }
      this.#counters = { ...this.#counters, estimated: this.#counters.run };
      return count;
    });
  }

  /**
   * Runs the model with its population statistics. Noise is its mean by default, or drawn afresh at every call. Errors: C0406
   * (batch), C0501 if statistics were never collected.
   */
  infer(given: Batch, options: SessionInferOptions = {}): Promise<Inference> {
    return this.#exclusive(async () => {
      const { noise = "mean", carry } = sessionInferOptions(options);
      const going = this.#going(carry, "infer");
      const batch = ownBatch(going?.batch(given) ?? given, this.plan);
      const feed = { run: this.#inferences++, noise };
      const { runner, ended } = await this.#infer(batch, feed, going);
      const result = await inferenceOf(runner, batch);
      ended?.();
      return result;
    });
  }

  /**
   * Opens a stream of `examples` sequences side by side, before their first step; any number of streams may be open. Errors: C0406
   * if the executable has no entry `step` for this many examples, C0501 if statistics were never collected.
   */
  stream(options: StreamOptions = {}): Promise<Stream> {
    return openStream(this.#holder, options);
  }

  /**
   * Loss and metrics over many batches: the same as for one batch of all their examples, however they are grouped. A smaller last
   * batch needs an attached executable of that size. Noise is its mean by default, or drawn, the same for the same batches. Errors:
   * as `infer`; C0406 if an input was left out, or if a loss or metric is not a mean and cannot be averaged over batches.
   */
  evaluate(batches: Batches, options: SessionInferOptions = {}): Promise<Evaluation> {
    return this.#exclusive(async () => {
      const { noise = "mean", carry } = sessionInferOptions(options);
      const going = this.#going(carry);
      const averager = new MetricAverager(this.plan.name);
      let [examples, count] = [0, 0];
      for await (const given of eachBatch(batches)) {
        const batch = ownBatch(going?.batch(given) ?? given, this.plan);
        const feed = { run: count++, noise };
        const { runner, ended } = await this.#infer(batch, feed, going);
        const measures = (runner.last?.entry.tensors ?? []).filter(isMeasure);
        if (!isComplete(batch) || !measures.some(({ role }) => role.kind === "loss")) {
          const message = "a batch cannot be evaluated: it leaves an input out, or the model has no loss";
          throw new RuntimeError("C0406", message);
        }
        const values = await runner.read(measures);
        averager.add(
          measures.map((tensor, i) => [tensor, values[i][0]]),
          batch,
        );
        ended?.();
        examples += batch.examples;
      }
      if (count === 0) throw new RuntimeError("C0406", "there is no batch to evaluate");
      return { ...averager.result(), examples };
    });
  }

  /**
   * Runs a single entry, for tests and tools: `train` is not followed by an update, and statistics are not tracked. What it computed
   * can then be read by name. Defaults: `momentum` 1, `lr` 0, no clipping.
   */
  run(entry: EntryName, given: Batch, hyper: Readonly<Record<string, number>> = {}): Promise<void> {
    return this.#exclusive(async () => {
      const batch = ownBatch(given, this.plan);
      this.#checkExamples(batch, "leave examples out until it has as many");
      checkRunHyper(hyper, this.plan);
      const defaults = {
        ...allMomenta(this.plan, hyper.momentum ?? 1),
        between: 0,
        lr: 0,
        clip: noClipping,
        step: this.#counters.step + 1,
      };
      this.#population.touch();
      await this.#main.run(entry, batch, this.#feed("train", this.#counters.run, { ...defaults, ...hyper }));
      this.#recent = this.#main;
      this.#version++;
    });
  }

  /**
   * A tensor by name, contiguous. Parameters, slots (`slot/m/rnn/Wx`), statistics [steps, …] and gradients can be read at any time;
   * anything else, [T, B, …] if it varies with time, only if the entry that ran last has it. Errors: C0406 (name).
   */
  read(name: string): Promise<Float32Array> {
    return this.#exclusive(async () => {
      const { runner, range } = this.#find(name);
      return (await runner.machine.read([range]))[0];
    });
  }

  /**
   * Overwrites a tensor that `read` can read. A statistic counts as known once it is written; when all are, they count as collected.
   * Errors: C0406 (name, size).
   */
  write(name: string, data: Float32Array): Promise<void> {
    return this.#exclusive(async () => {
      const { runner, range } = this.#find(name);
      await runner.machine.write(range, finiteNumbers(name, data, floatsIn(range)));
      if (range.region === "stat") this.#population.adopt(name);
      this.#version++;
    });
  }

  /** The parameters that are trained, by name, in one transfer. */
  weights(): Promise<Map<string, Float32Array>> {
    return this.#exclusive(async () => {
      const trained = this.#trained;
      const data = await this.#main.machine.read(trained.map(({ range }) => range));
      return new Map(trained.map(({ name }, i) => [name, data[i]]));
    });
  }

  /** Everything that an exact resume needs. */
  state(): Promise<SessionState> {
    return this.#exclusive(async () => {
      const data = await this.#main.machine.read(this.#kept.map(({ range }) => range));
      const tensors = new Map(this.#kept.map(({ name, shape }, index) => [name, { shape, data: data[index] }]));
      const { name, fingerprint, measures, equations, dims, optimizer, optimizerOptions } = this.plan;
      const carried = this.#carriers?.save();
      return {
        name,
        fingerprint,
        measures,
        equations,
        dims,
        optimizer,
        ...(optimizerOptions && { optimizerOptions }),
        counters: {
          ...this.#counters,
          ...{
            seen: this.#population.known.seen,
            ...(this.#population.known.seenOver && { seenOver: this.#population.known.seenOver }),
          },
          ...(this.#population.written.length > 0 && { written: this.#population.written }),
        },
        tensors,
        ...(Object.keys(this.notes).length > 0 && { notes: this.notes }),
        ...(carried && { carried }),
      };
    });
  }

  /**
   * The states that the next batch with `carry` goes on from, after all calls so far: of `train`, or of `infer`. Undefined if it begins
   * anew.
   */
  carried(purpose: CarryPurpose = "train"): Promise<CarriedState | undefined> {
    return this.#exclusive(async () => this.#carrying().copy(purpose));
  }

  /** Lets the next batch with `carry` begin anew: of `train`, or of `infer`. */
  resetCarry(purpose: CarryPurpose = "train"): Promise<void> {
    return this.#exclusive(async () => {
      this.#carrying().of(purpose).state = undefined;
    });
  }

  /**
   * Continues exactly where `state` was taken. Returns the differences in equations, if they are allowed. Errors: C0403, naming what
   * differs, if it belongs to another model; C0404, if it contradicts itself or holds numbers that are not finite.
   */
  restore(state: SessionState, options: RestoreOptions = {}): Promise<readonly string[]> {
    return this.#exclusive(async () => {
      const tensors = ownTensors(state);
      const { seen, seenOver, written, ...counters } = ownCounters(state.counters);
      const differences = compareState(state, this.plan, this.#kept, restoreOptions(options));
      const takeCarried = this.#carriers?.restoring(state.carried, this.plan);
      // What was a constant and is trained here has no optimiser state yet.
      for (const { name, range } of this.#kept)
        await this.#main.machine.write(range, tensors.get(name) ?? new Float32Array(floatsIn(range)));
      this.#counters = counters;
      this.#population.restore({ seen, seenOver, written });
      this.#population.touch();
      this.notes = { ...state.notes };
      await this.#skipped.forget();
      this.#version++;
      takeCarried?.();
      return differences;
    }, false);
  }

  /** Frees the session's memory after the calls made so far; later calls are refused (C0508). The backend stays open. */
  close(): void {
    void this.#exclusive(async () => {
      this.#main.machine.close();
      this.#variants.close();
    }).catch(() => {});
    this.#closed = true;
  }

  /**
   * Runs one call at a time: a run's inputs and results share the machine's memory. If `settled`, it first throws C0502 for a
   * training step that was skipped and not reported.
   */
  #exclusive<R>(act: () => Promise<R>, settled = true): Promise<R> {
    if (this.#closed) return Promise.reject(closed("session"));
    const result = this.#turn.then(async () => {
      if (settled && this.#skipped.unchecked) await this.#settle();
      return act();
    });
    this.#turn = result.catch(() => {});
    return result;
  }

  /** Restores the statistics and what is known about them if `act` fails. */
  #collectingAnew<R>(act: () => Promise<R>): Promise<R> {
    return this.#exclusive(async () => {
      const counters = this.#counters;
      const back = await this.#population.remember();
      try {
        return await act();
      } catch (error) {
        this.#counters = counters;
        this.#version++;
        await back();
        throw error;
      }
    });
  }

  get #trained(): readonly Kept[] {
    return this.#kept.filter(
      ({ kind, tensor: { role } }) => kind === "param" && role.kind === "param" && !role.constant,
    );
  }

  #feed(purpose: Feed["purpose"], run: number, hyper: Feed["hyper"] = {}): Feed {
    return { hyper, seed: this.#counters.seed, purpose, run };
  }

  #checkExamples({ examples }: OwnBatch, help: string): void {
    const { name, dims } = this.plan;
    if (examples === dims.batch) return;
    const message = `${name} is compiled for batches of ${dims.batch} examples, and this one has ${examples}`;
    throw new RuntimeError("C0406", message, help);
  }

  /** Errors: C0406. */
  #carrying(): Carriers {
    if (this.#carriers !== undefined) return this.#carriers;
    const message = `this session of ${this.plan.name} carries no states from batch to batch`;
    throw new RuntimeError("C0406", message, "open it with { carrying }, which cellc/runtime exports");
  }

  /** How the batches of a call go on; undefined if each begins anew. */
  #going(carry: boolean | CarryOptions | undefined, purpose?: CarryPurpose): Going | undefined {
    return carry === undefined || carry === false ? undefined : this.#carrying().going(carry, purpose);
  }

  /** Infers a batch. `ended`: what lets the next one go on from it. */
  async #infer(
    batch: OwnBatch,
    feed: InferenceFeed,
    going: Going | undefined,
  ): Promise<{ readonly runner: Runner; readonly ended?: () => void }> {
    if (going === undefined) return { runner: await this.#holder.run("infer", batch, batch.steps, feed) };
    const plan = this.#variants.planFor(batch.examples) ?? this.plan;
    const part = going.next(plan, "infer", batch, this.#population.rows);
    const { first, stream } = part;
    const runner = await this.#inferring(batch, first + batch.steps);
    await part.infer(runner, () => runner.run("infer", batch, { ...this.#feed("infer", feed.run), ...feed, stream }));
    this.#recent = runner;
    return { runner, ended: await part.ended(runner) };
  }

  /** Runs an entry that updates the population statistics with those of its batch. */
  async #collect(
    entry: "train" | "estimate",
    batch: OwnBatch,
    run: number,
    hyper: Feed["hyper"],
    momentum: number,
    { runner = this.#main, part }: { readonly runner?: Runner; readonly part?: Continuation },
  ): Promise<void> {
    runner.makeRoom(entry, batch);
    if (entry === "estimate") this.#population.touch();
    const isDegenerate = entry === "train" && degenerateStatistics(runner.plan, entry, batch).length > 0;
    const size = isDegenerate ? 0 : batch.examples / this.plan.dims.batch;
    // By the law of total variance, a single example counts as itself.
    const alone = hyper.between === 1;
    const filled = [...Object.entries(batch.axes), [noAxis, atOnce(batch)] as const].map(
      ([axis, { steps, existing }]) => {
        const fractions = existing ? filledAt(existing, alone) : new Array<number>(steps).fill(1);
        return [axis, fractions.map((fraction) => fraction * size)] as const;
      },
    );
    await this.#population.collect(
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
        const feed = this.#feed(entry, run, { ...hyper, ...Object.fromEntries(numbers) });
        await runner.run(entry, batch, { ...feed, stream: part?.stream });
        await this.#variants.takeStatistics(runner);
      },
      part?.collect,
    );
    this.#recent = runner;
    this.#version++;
  }

  /** The runner that infers `batch`, with statistics for `steps` steps. Errors: C0501, C0406 (batch). */
  async #inferring(batch: OwnBatch, steps: number): Promise<Runner> {
    this.#population.require(this.plan.name);
    if (await this.#population.reach(steps)) this.#version++;
    return this.#runnerFor(batch);
  }

  /** The runner for a batch's size, with the current parameters and statistics. */
  async #runnerFor(batch: OwnBatch): Promise<Runner> {
    const { name, dims } = this.plan;
    const variant =
      batch.examples === dims.batch ? undefined : await this.#variants.runnerFor(batch.examples, this.#version);
    if (variant !== undefined) return variant;
    const help = `compile ${name} with a batch of ${batch.examples} and \`attach\` it to the session, or leave these examples out`;
    this.#checkExamples(batch, help);
    return this.#main;
  }

  #find(name: string): { readonly runner: Runner; readonly range: Range } {
    if (typeof name !== "string") throw new RuntimeError("C0406", `a tensor's name is a text, not ${shown(name)}`);
    const kept = this.#kept.find((candidate) => candidate.name === name);
    if (kept !== undefined) return { runner: this.#main, range: kept.range };
    const { last } = this.#recent;
    const recent = last?.entry.tensors.find((tensor) => tensor.name === name);
    if (last !== undefined && recent !== undefined) {
      return { runner: this.#recent, range: rangeOf(recent, last.entry, axisOf(last.batch, recent).steps) };
    }
    const tensors = Object.values(this.plan.entries).flatMap((entry) => entry.tensors);
    const other = tensors.find((tensor) => tensor.name === name);
    if (other?.region === "grad") {
      return { runner: this.#main, range: whole("grad", other.offset, elementsOf(other.shape)) };
    }
    throw other === undefined
      ? new RuntimeError("C0406", `${this.plan.name} has no tensor \`${name}\``)
      : new RuntimeError("C0406", `\`${name}\` is not in memory: it is not computed by what ran last`);
  }
}

/** One weight of the newest batch for the statistics of every axis. */
const allMomenta = (plan: Plan, weight: number): Readonly<Record<string, number>> =>
  Object.fromEntries(
    // What has no time counts along the main axis, also where nothing else does.
    [...new Set([mainAxis, ...axesOfPlan(plan)])].flatMap((axis) => {
      const suffix = axis === mainAxis ? "" : `/${axis}`;
      return [`momentum${suffix}`, `momentum_step${suffix}`].map((name) => [name, weight]);
    }),
  );
