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
import type { Batch } from "./batch.ts";
import type { CarriedState } from "./carrier.ts";
import { ownCounters, ownTensors } from "./check-state.ts";
import { RuntimeError } from "./error.ts";
import { allFillers } from "./fillers.ts";
import { firstValues, refuseUntrainable } from "./first-values.ts";
import { inferenceOf, isComplete, openStream, resultsOf } from "./inference.ts";
import { ownBatch, restoreOptions } from "./inference-arguments.ts";
import { finiteNumbers } from "./inputs.ts";
import { floatsIn, rangeOf } from "./layout.ts";
import { isMeasure, MetricAverager } from "./metric-averager.ts";
import type { EntryName, Executable, Plan } from "./plan.ts";
import { Runner } from "./runner.ts";
import { allMomenta, SessionCore } from "./session-core.ts";
import type {
  Batches,
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
import { refuseSingleExample } from "./single-example.ts";
import { compareState, type RestoreOptions, type SavedTensor, type SessionState } from "./state.ts";
import type { Stream } from "./stream.ts";

/**
 * An executable with parameters, optimiser state and statistics: it trains, estimates, infers, and returns its state for a
 * checkpoint. Calls may overlap; they are carried out one after another.
 */
export class Session {
  /** What it runs on. */
  readonly backend: Backend;
  readonly #core: SessionCore;
  /** Free texts that go into its states, by key, such as how inputs were scaled. `restore` takes those of the state. */
  notes: Readonly<Record<string, string>> = {};

  private constructor(core: SessionCore) {
    this.backend = core.backend;
    this.#core = core;
  }

  /**
   * Loads an executable and initialises its parameters from the seed (a whole number). Optimiser state starts at zero; statistics
   * are not known yet. With a `state`, it continues from that. Errors: C0406 (seed), C0411 (a damaged executable), C0502 (an initial
   * value is not finite), those of the backend (C0503 … C0508) and of `restore` (C0403, C0404).
   */
  static async open(executable: Executable, backend: Backend, options: SessionOptions): Promise<Session> {
    const { seed, state, carrying } = sessionOptions(options);
    const runner = await Runner.open(executable, backend, allFillers);
    const session = new Session(new SessionCore(backend, runner, seed, carrying?.()));
    if (state !== undefined) {
      try {
        await session.restore(state);
      } catch (error) {
        session.close();
        throw error;
      }
      return session;
    }
    const first = firstValues(session.plan, session.#core.kept, seed);
    for (const { name, kind, range } of session.#core.kept) {
      if (kind === "param") await session.#core.main.machine.write(range, first(name));
    }
    return session;
  }

  get plan(): Plan {
    return this.#core.main.plan;
  }

  /** The number of updates so far. */
  get step(): number {
    return this.#core.counters.step;
  }

  /**
   * Lets the same model, compiled for another batch size, serve batches of that size in `infer`, `evaluate`, `estimate` and
   * `stream`. Errors: C0403, naming what differs, if it is another model.
   */
  attach(executable: Executable): Promise<void> {
    return this.#core.exclusive(() => this.#core.variants.add(executable));
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
    return this.#core.exclusive(async () => {
      const { lr, clip, momentum, report, outputs, carry, hyper: others } = trainOptions(options, this.plan);
      const going = this.#core.going(carry, "train");
      const batches = trainingBatches(given, this.plan, { going, outputs });
      for (const batch of batches) this.#core.checkExamples(batch, "leave examples out until it has as many");
      const step = this.#core.counters.step + 1;
      const hyper = { ...others, lr, clip, step };
      refuseUntrainable(this.plan, this.#core.kept);
      const update = this.#core.main.entry("update");
      const { run } = this.#core.counters;
      const before = { step: this.#core.counters.step, run, known: this.#core.population.known };
      await this.#core.population.secure();
      const batch = batches[batches.length - 1];
      const part = going?.next(this.plan, "train", batch, this.#core.population.rows);
      const averages = batches.length > 1 ? await this.#core.accumulate(batches, hyper, momentum) : undefined;
      if (averages === undefined) await this.#core.collect("train", batch, run, hyper, momentum, { part });
      this.#core.counters = { ...this.#core.counters, run: run + batches.length };
      const result = report ? { outputs: {}, ...(averages ?? (await resultsOf(this.#core.main, outputs))) } : undefined;
      const ended = await part?.ended(this.#core.main);
      await this.#core.main.run("update", { ...batch, inputs: {} }, this.#core.feed("train", run, hyper));
      const due = this.#core.skipped.note(before);
      this.#core.counters = { ...this.#core.counters, step };
      this.#core.version++;
      if (result === undefined) {
        // States go on only from a step that was not skipped.
        if (due || ended) await this.#core.settle();
        ended?.();
        return undefined;
      }
      if (result.loss === undefined) throw new Error(`entry \`train\` of ${this.plan.name} has no loss`);
      const norm = update.tensors.find(({ name, role }) => role.kind === "metric" && name === "gradient_norm");
      const gradientNorm = await this.#core.settle(result.loss, norm && rangeOf(norm, update, batch.steps));
      ended?.();
      const { loss, metrics } = result;
      return { step, loss, metrics, gradientNorm, ...(outputs && { outputs: result.outputs }) };
    }, false);
  }

  /**
   * Estimates population statistics at the current parameters: the average of the batches' own statistics (Cooijmans et al. 2016,
   * section 3), weighted by their number of examples. What was collected before is discarded. Returns the number of batches. Batches
   * of another size need an attached executable of that size. Noise is drawn. Errors: C0406 (a batch is wrong or there is none; a
   * batch of one example says nothing about a statistic), C0502 if a statistic is not finite; the statistics are then as before.
   * Does nothing for a model without statistics.
   */
  estimate(batches: Batches, options: EstimateOptions = {}): Promise<number> {
    return this.#core.collectingAnew(async () => {
      const { carry, ...parsed } = estimateOptions(options);
      let { variance } = parsed;
      if (this.#core.population.rows === 0) return 0;
      await this.#core.population.forget();
      this.#core.counters = { ...this.#core.counters, estimated: undefined };
      this.#core.version++;
      const going = this.#core.going(carry);
      let count = 0;
      for await (const given of eachBatch(batches)) {
        const batch = ownBatch(going?.batch(given) ?? given, this.plan);
        // What is carried, statistics too, stays in one place.
        if (going) this.#core.checkExamples(batch, "leave examples out until it has as many");
        const runner = await this.#core.runnerFor(batch);
        const part = going?.next(this.plan, "estimate", batch, this.#core.population.rows);
        variance ??= batch.examples === 1 ? "total" : "within";
        const between = Number(variance === "total");
        refuseSingleExample(runner.plan, batch, between === 1);
        const hyper = { step: this.#core.counters.step + 1, between };
        await this.#core.collect("estimate", batch, count, hyper, 0, { runner, part });
        (await part?.ended(runner))?.();
        count++;
      }
      if (count === 0) throw new RuntimeError("C0406", "there is no batch to estimate statistics from");
      if (!(await this.#core.population.finite())) {
        await this.#core.population.forget();
        throw new RuntimeError("C0502", "a population statistic is not finite", "look for inputs that are not finite");
      }
      this.#core.counters = { ...this.#core.counters, estimated: this.#core.counters.run };
      return count;
    });
  }

  /**
   * Runs the model with its population statistics, or with the batch's own. Noise is its mean by default, or drawn afresh at every call.
   * Errors: C0406 (batch), C0501 if statistics were never collected.
   */
  infer(given: Batch, options: SessionInferOptions = {}): Promise<Inference> {
    return this.#core.exclusive(async () => {
      const { noise = "mean", carry, statistics } = sessionInferOptions(options);
      return this.#core.withStatistics(statistics, async (infer) => {
        const going = this.#core.going(carry, "infer");
        const batch = ownBatch(going?.batch(given) ?? given, this.plan);
        const feed = { run: this.#core.holder.count(), noise };
        const { runner, ended } = await infer(batch, feed, going);
        const result = await inferenceOf(runner, batch);
        ended?.();
        return result;
      });
    });
  }

  /**
   * Opens a stream of `examples` sequences side by side, before their first step; any number of streams may be open. Errors: C0406
   * if the executable has no entry `step` for this many examples, C0501 if statistics were never collected.
   */
  stream(options: StreamOptions = {}): Promise<Stream> {
    return openStream(this.#core.holder, options);
  }

  /**
   * Loss and metrics over many batches: the same as for one batch of all their examples, however they are grouped. A smaller last
   * batch needs an attached executable of that size. Noise is its mean by default, or drawn, the same for the same batches. With the
   * batches' own statistics, it does matter how examples are grouped. Errors: as `infer`; C0406 if an input was left out, or if a loss or
   * metric is not a mean and cannot be averaged over batches.
   */
  evaluate(batches: Batches, options: SessionInferOptions = {}): Promise<Evaluation> {
    return this.#core.exclusive(async () => {
      const { noise = "mean", carry, statistics } = sessionInferOptions(options);
      return this.#core.withStatistics(statistics, async (infer) => {
        const going = this.#core.going(carry);
        const averager = new MetricAverager(this.plan.name);
        let [examples, count] = [0, 0];
        for await (const given of eachBatch(batches)) {
          const batch = ownBatch(going?.batch(given) ?? given, this.plan);
          const feed = { run: count++, noise };
          const { runner, ended } = await infer(batch, feed, going);
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
    });
  }

  /**
   * Runs a single entry, for tests and tools: `train` is not followed by an update, and statistics are not tracked. What it computed
   * can then be read by name. Defaults: `momentum` 1, `lr` 0, no clipping.
   */
  run(entry: EntryName, given: Batch, hyper: Readonly<Record<string, number>> = {}): Promise<void> {
    return this.#core.exclusive(async () => {
      const batch = ownBatch(given, this.plan);
      this.#core.checkExamples(batch, "leave examples out until it has as many");
      checkRunHyper(hyper, this.plan);
      const defaults = {
        ...allMomenta(this.plan, hyper.momentum ?? 1),
        between: 0,
        lr: 0,
        clip: noClipping,
        step: this.#core.counters.step + 1,
      };
      this.#core.population.touch();
      await this.#core.main.run(
        entry,
        batch,
        this.#core.feed("train", this.#core.counters.run, { ...defaults, ...hyper }),
      );
      this.#core.recent = this.#core.main;
      this.#core.version++;
    });
  }

  /**
   * A tensor by name, contiguous. Parameters, slots (`slot/m/rnn/Wx`), statistics [steps, …] and gradients can be read at any time;
   * anything else, [T, B, …] if it varies with time, only if the entry that ran last has it. Errors: C0406 (name).
   */
  read(name: string): Promise<Float32Array> {
    return this.#core.exclusive(async () => {
      const { runner, range } = this.#core.find(name);
      return (await runner.machine.read([range]))[0];
    });
  }

  /**
   * Overwrites a tensor that `read` can read. A statistic counts as known once it is written; when all are, they count as collected.
   * Errors: C0406 (name, size).
   */
  write(name: string, data: Float32Array): Promise<void> {
    return this.#core.exclusive(async () => {
      const { runner, range } = this.#core.find(name);
      await runner.machine.write(range, finiteNumbers(name, data, floatsIn(range)));
      if (range.region === "stat") this.#core.population.adopt(name);
      this.#core.version++;
    });
  }

  /** The parameters that are trained, by name, in one transfer. */
  weights(): Promise<Map<string, Float32Array>> {
    return this.#core.exclusive(async () => {
      const read = await this.#core.readTrained("param");
      return new Map([...read].map(([name, { data }]) => [name, data]));
    });
  }

  /** The gradients of the last training step, that of all its batches, by the parameters' names, in one transfer. */
  gradients(): Promise<Map<string, SavedTensor>> {
    return this.#core.exclusive(() => this.#core.readTrained("grad"));
  }

  /** Everything that an exact resume needs. */
  state(): Promise<SessionState> {
    return this.#core.exclusive(async () => {
      const data = await this.#core.main.machine.read(this.#core.kept.map(({ range }) => range));
      const tensors = new Map(this.#core.kept.map(({ name, shape }, index) => [name, { shape, data: data[index] }]));
      const { name, fingerprint, measures, equations, dims, optimizer, optimizerOptions } = this.plan;
      const carried = this.#core.carriers?.save();
      return {
        name,
        fingerprint,
        measures,
        equations,
        dims,
        optimizer,
        ...(optimizerOptions && { optimizerOptions }),
        counters: {
          ...this.#core.counters,
          ...{
            seen: this.#core.population.known.seen,
            ...(this.#core.population.known.seenOver && { seenOver: this.#core.population.known.seenOver }),
          },
          ...(this.#core.population.written.length > 0 && { written: this.#core.population.written }),
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
    return this.#core.exclusive(async () => this.#core.carrying().copy(purpose));
  }

  /** Lets the next batch with `carry` begin anew: of `train`, or of `infer`. */
  resetCarry(purpose: CarryPurpose = "train"): Promise<void> {
    return this.#core.exclusive(async () => {
      this.#core.carrying().of(purpose).state = undefined;
    });
  }

  /**
   * Continues exactly where `state` was taken. Returns the differences in equations, if they are allowed. Errors: C0403, naming what
   * differs, if it belongs to another model; C0404, if it contradicts itself or holds numbers that are not finite.
   */
  restore(state: SessionState, options: RestoreOptions = {}): Promise<readonly string[]> {
    return this.#core.exclusive(async () => {
      const tensors = ownTensors(state);
      const { seen, seenOver, written, ...counters } = ownCounters(state.counters);
      const differences = compareState(state, this.plan, this.#core.kept, restoreOptions(options));
      const takeCarried = this.#core.carriers?.restoring(state.carried, this.plan);
      // What was a constant and is trained here has no optimiser state yet.
      for (const { name, range } of this.#core.kept)
        await this.#core.main.machine.write(range, tensors.get(name) ?? new Float32Array(floatsIn(range)));
      this.#core.counters = counters;
      this.#core.population.restore({ seen, seenOver, written });
      this.#core.population.touch();
      this.notes = { ...state.notes };
      await this.#core.skipped.forget();
      this.#core.version++;
      takeCarried?.();
      return differences;
    }, false);
  }

  /** Frees the session's memory after the calls made so far; later calls are refused (C0508). The backend stays open. */
  close(): void {
    this.#core.close();
  }
}
