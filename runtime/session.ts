import type { Backend } from "./backend.ts";
import { RuntimeError } from "./error.ts";
import { initialise } from "./initialise.ts";
import { elementsOf, floatsIn, type Kept, keptTensors, type Range, rangeOf, regionSizes, whole } from "./layout.ts";
import { filledAt } from "./lengths.ts";
import type { EntryName, Executable, Plan, Tensor } from "./plan.ts";
import { Population } from "./population.ts";
import { keyOf } from "./random.ts";
import { type Batch, type Feed, Runner } from "./runner.ts";
import { Skips } from "./skips.ts";
import { type Counters, compareState, type SessionState } from "./state.ts";
import { Stream, type StreamOptions } from "./stream.ts";

/** Stands for "no clipping": near the largest f32, and unlike infinity a number that shaders may compute with. */
const noClipping = 3.4e38;

/** Weight of the newest batch in the population statistics that training keeps, where none is given. */
const defaultMomentum = 0.1;

export interface TrainOptions {
  /** Learning rate of this step. */
  readonly lr: number;
  /** Largest norm of the gradient; none: no clipping. */
  readonly clip?: number;
  /** Weight of this batch in the population statistics, 0.1 by default. Early batches weigh more: 1/(n + 1) after n. */
  readonly momentum?: number;
  /** Values of other hyper-parameters the plan has. */
  readonly hyper?: Readonly<Record<string, number>>;
  /**
   * Whether to read the loss back, true by default. Without, a GPU need not be waited for. A step that is not finite then changes
   * nothing, nor do the steps behind it, and the next call that waits for the device throws C0502 for it.
   */
  readonly report?: boolean;
}

export interface EstimateOptions {
  /**
   * What a population variance is: `within`, the average of the batches' own, as in the paper and as in training (of B examples
   * each, it is (B − 1) / B of the variance of all, and lacks what lies between batches); or `total`, by the law of total
   * variance: that of all examples of all batches about their common mean, as if they had been one batch.
   */
  readonly variance?: "within" | "total";
}

export interface TrainReport {
  /** Updates done, this one included. */
  readonly step: number;
  readonly loss: number;
  readonly metrics: Readonly<Record<string, number>>;
  /** Before clipping, where the optimiser's entry has a metric `gradient_norm`. */
  readonly gradientNorm: number | undefined;
}

export interface Inference {
  /** Undefined where the plan has no loss or an input was left out. */
  readonly loss: number | undefined;
  readonly metrics: Readonly<Record<string, number>>;
  /** Contiguous: [T, B, …] for what varies with time. */
  readonly outputs: Readonly<Record<string, Float32Array>>;
}

export interface Evaluation {
  /** Averages over all examples. */
  readonly loss: number;
  readonly metrics: Readonly<Record<string, number>>;
  readonly examples: number;
}

export type Batches = Iterable<Batch> | AsyncIterable<Batch>;

/**
 * An executable with parameters, optimiser state and statistics: trains, estimates, infers, and gives its state for a
 * checkpoint. Calls may overlap; they are carried out one after another.
 */
export class Session {
  readonly #backend: Backend;
  readonly #main: Runner;
  readonly #kept: readonly Kept[];
  readonly #population: Population;
  #counters: Omit<Counters, "seen">;
  /** Runners for other batch sizes, and which version of the parameters and statistics each has. */
  readonly #attached = new Map<number, { readonly runner: Runner; version: number }>();
  #version = 0;
  /** Calls of `infer`. */
  #inferences = 0;
  readonly #skips: Skips;
  /** The runner that ran last, whose tensors can be read. */
  #recent: Runner;
  #turn: Promise<unknown> = Promise.resolve();

  private constructor(backend: Backend, runner: Runner, seed: number) {
    this.#backend = backend;
    this.#main = runner;
    this.#recent = runner;
    this.#kept = keptTensors(runner.plan);
    this.#population = new Population(runner.machine, this.#kept, runner.plan);
    this.#skips = new Skips(runner);
    this.#counters = { seed, step: 0, run: 0 };
  }

  /**
   * Loads an executable and initialises its parameters from the seed (a whole number). Optimiser state starts at zero,
   * statistics undefined. Errors: those of the backend (C0503 … C0506).
   */
  static async open(executable: Executable, backend: Backend, options: { readonly seed: number }): Promise<Session> {
    const session = new Session(backend, await Runner.open(executable, backend), options.seed);
    const first = (name: string): Float32Array => {
      const tensor = session.#kept.find((kept) => kept.name === name)?.tensor;
      if (tensor?.role.kind !== "param") throw new Error(`there is no parameter \`${name}\``);
      return initialise(tensor.role.init, tensor.shape, keyOf(options.seed, name), first);
    };
    for (const { name, kind, range } of session.#kept) {
      if (kind === "param") await session.#main.machine.write(range, first(name));
    }
    return session;
  }

  get plan(): Plan {
    return this.#main.plan;
  }

  /** Updates done. */
  get step(): number {
    return this.#counters.step;
  }

  /**
   * Lets the same model, compiled for another batch size, serve the batches of that size in `infer` and `evaluate`.
   * Errors: C0403, if it is another model.
   */
  attach(executable: Executable): Promise<void> {
    return this.#exclusive(async () => {
      if (executable.plan.fingerprint !== this.plan.fingerprint) {
        throw new RuntimeError("C0403", `${executable.plan.name} is not ${this.plan.name} at another batch size`);
      }
      const runner = await Runner.open(executable, this.#backend);
      this.#attached.get(runner.plan.dims.batch)?.runner.machine.close();
      this.#attached.set(runner.plan.dims.batch, { runner, version: -1 });
    });
  }

  /**
   * One step: forward, backward, statistics, update. Errors: C0406 (batch), C0502 if the loss, the gradient, its norm or what the
   * update would make is not finite: all is then as before the step. Also for a step before it that was not reported, which all
   * is then as before.
   */
  train(batch: Batch, options: TrainOptions & { readonly report: false }): Promise<undefined>;
  train(batch: Batch, options: TrainOptions & { readonly report?: true }): Promise<TrainReport>;
  train(batch: Batch, options: TrainOptions): Promise<TrainReport | undefined>;
  train(batch: Batch, options: TrainOptions): Promise<TrainReport | undefined> {
    const { lr, clip = noClipping, momentum = defaultMomentum, report = true } = options;
    return this.#exclusive(async () => {
      this.#checkExamples(batch, this.#main);
      const step = this.#counters.step + 1;
      const hyper = { ...options.hyper, lr, clip, step };
      const update = this.#main.entry("update");
      const { run } = this.#counters;
      const before = { step: this.#counters.step, seen: this.#population.seen };
      await this.#population.secure();
      this.#counters = { ...this.#counters, run: run + 1 };
      await this.#collect("train", batch, run, hyper, momentum);
      const result = report ? await this.#results(this.#main) : undefined;
      await this.#main.run("update", { ...batch, inputs: {} }, this.#feed("train", run, hyper));
      const due = this.#skips.note(before);
      this.#counters = { ...this.#counters, step };
      this.#version++;
      if (result === undefined) {
        if (due) await this.#settle();
        return undefined;
      }
      if (result.loss === undefined) throw new Error(`entry \`train\` of ${this.plan.name} has no loss`);
      const norm = update.tensors.find(({ name, role }) => role.kind === "metric" && name === "gradient_norm");
      const gradientNorm = await this.#settle(result.loss, norm && rangeOf(norm, update, batch.steps));
      return { step, loss: result.loss, metrics: result.metrics, gradientNorm };
    }, false);
  }

  /**
   * Throws C0502 and sets the counters back if a step was skipped, of those that nobody has asked about yet. `loss`: that of the
   * last one, the norm of whose gradient stands in `norm` and is returned.
   */
  async #settle(loss?: number, norm?: Range): Promise<number | undefined> {
    const { skip, others } = await this.#skips.check(norm ? [norm] : []);
    const gradientNorm = others.at(0)?.[0];
    if (skip === undefined) return gradientNorm;
    this.#counters = { ...this.#counters, step: skip.before.step };
    this.#population.seen = skip.before.seen;
    throw await this.#skips.error(skip, loss === undefined ? undefined : { loss, norm: gradientNorm });
  }

  /**
   * Population statistics at the present parameters: the average of the batches' own statistics (Cooijmans et al. 2016,
   * section 3), forgetting what was collected before; how many batches it was. Errors: C0406 (batch, or none), C0502 if a
   * statistic is not finite. Does nothing for a model without statistics.
   */
  estimate(batches: Batches, { variance = "within" }: EstimateOptions = {}): Promise<number> {
    return this.#exclusive(async () => {
      const between = variance === "total" ? 1 : 0;
      if (this.#population.rows === 0) return 0;
      await this.#population.forget();
      this.#counters = { ...this.#counters, estimated: undefined };
      this.#version++;
      let count = 0;
      for await (const batch of batches) {
        this.#checkExamples(batch, this.#main);
        await this.#collect("estimate", batch, count, { step: this.#counters.step + 1, between }, 0);
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
   * Runs the model with its population statistics; noise is drawn afresh at every call. Errors: C0406 (batch), C0501 if statistics were never collected.
   */
  infer(batch: Batch): Promise<Inference> {
    return this.#exclusive(() => this.#infer(batch, this.#inferences++, true));
  }

  /**
   * A stream of `examples` sequences side by side, before their first step; any number of streams may be open. Errors: C0406 if
   * the executable has no entry `step` for so many examples, C0501 if statistics were never collected.
   */
  async stream({ examples = this.plan.dims.batch, ...options }: StreamOptions = {}): Promise<Stream> {
    const { plan } = (this.#attached.get(examples) ?? { runner: this.#main }).runner;
    if (plan.entries.step === undefined) {
      const help = "compile it with the entry `step`; where that cannot be, the compiler then says why";
      throw new RuntimeError("C0406", `${plan.name} was compiled without \`step\``, help);
    }
    const rows = this.#population.rows;
    const stream = new Stream({ plan, rows, examples, ...options }, (entry, step) =>
      this.#exclusive(async () => {
        const runner = await this.#inferring(step.batch, step.at + 1);
        const run = step.run ?? this.#inferences++;
        const feed = { ...this.#feed("infer", run), stream: { states: step.states, step: step.at } };
        await runner.run(entry, step.batch, feed, Math.min(step.at, Math.max(0, rows - 1)));
        this.#recent = runner;
        const of = await readByKind(
          runner,
          ({ role, region }) => role.kind === "output" || (role.kind === "state" && region === "work"),
        );
        return { run, states: new Map(of("state")), outputs: Object.fromEntries(of("output")) };
      }),
    );
    await stream.reset();
    return stream;
  }

  /**
   * Loss and metrics over many batches, weighted by their numbers of examples. A last, smaller batch needs an executable
   * of that size, attached. Noise is the same for the same batches. Errors: as `infer`; C0406 where an input was left out.
   */
  evaluate(batches: Batches): Promise<Evaluation> {
    return this.#exclusive(async () => {
      let examples = 0;
      let loss = 0;
      let count = 0;
      const sums: Record<string, number> = {};
      for await (const batch of batches) {
        const result = await this.#infer(batch, count++, false);
        if (result.loss === undefined)
          throw new RuntimeError(
            "C0406",
            "a batch cannot be evaluated: it leaves an input out, or the model has no loss",
          );
        examples += batch.examples;
        loss += result.loss * batch.examples;
        for (const [name, value] of Object.entries(result.metrics)) {
          sums[name] = (sums[name] ?? 0) + value * batch.examples;
        }
      }
      if (examples === 0) throw new RuntimeError("C0406", "there is no batch to evaluate");
      const metrics = Object.fromEntries(Object.entries(sums).map(([name, sum]) => [name, sum / examples]));
      return { loss: loss / examples, metrics, examples };
    });
  }

  /**
   * Runs one entry as it is, for tests and tools: no update behind `train`, no bookkeeping of statistics. What it computed
   * can then be read by name. Defaults: `momentum` 1, `lr` 0, no clipping.
   */
  run(entry: EntryName, batch: Batch, hyper: Readonly<Record<string, number>> = {}): Promise<void> {
    return this.#exclusive(async () => {
      this.#checkExamples(batch, this.#main);
      const defaults = {
        momentum: 1,
        momentum_step: hyper.momentum ?? 1,
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
   * A tensor by name, contiguous: parameters, slots (`slot/m/rnn/Wx`), statistics [steps, …] and gradients at any time;
   * anything else, [T, B, …] if it varies with time, of the entry that ran last. Errors: C0406 (name).
   */
  read(name: string): Promise<Float32Array> {
    return this.#exclusive(async () => {
      const { runner, range } = this.#find(name);
      return (await runner.machine.read([range]))[0];
    });
  }

  /** Overwrites a tensor that `read` can read. Statistics written count as collected. Errors: C0406 (name, size). */
  write(name: string, data: Float32Array): Promise<void> {
    return this.#exclusive(async () => {
      const { runner, range } = this.#find(name);
      if (data.length !== floatsIn(range)) {
        throw new RuntimeError("C0406", `\`${name}\` holds ${floatsIn(range)} numbers, and ${data.length} were given`);
      }
      await runner.machine.write(range, data);
      if (range.region === "stat") {
        this.#population.adopt();
        this.#population.touch();
      }
      this.#version++;
    });
  }

  /** Everything an exact resume needs. */
  state(): Promise<SessionState> {
    return this.#exclusive(async () => {
      const data = await this.#main.machine.read(this.#kept.map(({ range }) => range));
      const tensors = new Map(this.#kept.map(({ name, shape }, index) => [name, { shape, data: data[index] }]));
      const { name, fingerprint, dims, optimizer } = this.plan;
      return {
        name,
        fingerprint,
        dims,
        optimizer,
        counters: { ...this.#counters, seen: this.#population.seen },
        tensors,
      };
    });
  }

  /** Continues exactly where `state` was taken. Errors: C0403, naming what differs, if it is another model's. */
  restore(state: SessionState): Promise<void> {
    return this.#exclusive(async () => {
      compareState(state, this.plan, this.#kept);
      for (const { name, range } of this.#kept) await this.#main.machine.write(range, state.tensors.get(name)!.data);
      const { seen, ...counters } = state.counters;
      this.#counters = counters;
      this.#population.seen = seen;
      this.#population.touch();
      await this.#skips.forget();
      this.#version++;
    }, false);
  }

  /** Frees the session's memory; the backend stays open. */
  close(): void {
    this.#main.machine.close();
    for (const { runner } of this.#attached.values()) runner.machine.close();
  }

  /**
   * One at a time: a run's inputs and results share the machine's memory. Unless `settled` is false, C0502 for a training step
   * that was skipped and not reported goes before it.
   */
  #exclusive<R>(act: () => Promise<R>, settled = true): Promise<R> {
    const result = this.#turn.then(async () => {
      if (settled) await this.#settle();
      return act();
    });
    this.#turn = result.catch(() => {});
    return result;
  }

  #feed(purpose: Feed["purpose"], run: number, hyper: Feed["hyper"] = {}): Feed {
    return { hyper, seed: this.#counters.seed, purpose, run };
  }

  #checkExamples(batch: Batch, runner: Runner): void {
    const size = runner.plan.dims.batch;
    if (batch.examples === size) return;
    throw new RuntimeError(
      "C0406",
      `${this.plan.name} is compiled for batches of ${size} examples, and this one has ${batch.examples}`,
      `leave these examples out, or for inference attach ${this.plan.name} compiled for batches of ${batch.examples}`,
    );
  }

  /** Runs an entry that folds its batch's statistics into the population's. */
  async #collect(
    entry: "train" | "estimate",
    batch: Batch,
    run: number,
    hyper: Feed["hyper"],
    momentum: number,
  ): Promise<void> {
    this.#recent = this.#main;
    if (entry === "estimate") this.#population.touch();
    const filled = batch.lengths ? filledAt(batch.lengths, batch.steps) : new Array<number>(batch.steps).fill(1);
    await this.#population.collect(filled, momentum, ({ steps, shared }) => {
      return this.#main.run(entry, batch, this.#feed(entry, run, { ...hyper, momentum: shared, momentum_step: steps }));
    });
    this.#version++;
  }

  /** The runner to infer `batch` with, whose statistics serve `steps` steps. Errors: C0501, C0406 (batch). */
  async #inferring(batch: Batch, steps: number): Promise<Runner> {
    const { rows, seen } = this.#population;
    if (rows > 0 && seen.length === 0) {
      throw new RuntimeError(
        "C0501",
        `${this.plan.name} normalizes with population statistics at inference, and none were collected`,
        "train it, or estimate statistics from training data",
      );
    }
    if (await this.#population.reach(steps)) this.#version++;
    return this.#runnerFor(batch);
  }

  async #infer(batch: Batch, run: number, outputs: boolean): Promise<Inference> {
    const runner = await this.#inferring(batch, batch.steps);
    await runner.run("infer", batch, this.#feed("infer", run));
    this.#recent = runner;
    const results = await this.#results(runner, outputs);
    const complete = Object.values(batch.inputs).every((input) => input !== null);
    return complete ? results : { ...results, loss: undefined, metrics: {} };
  }

  /** The runner for a batch's size, with the present parameters and statistics. */
  async #runnerFor(batch: Batch): Promise<Runner> {
    const attached = this.#attached.get(batch.examples);
    if (batch.examples === this.plan.dims.batch || attached === undefined) {
      this.#checkExamples(batch, this.#main);
      return this.#main;
    }
    if (attached.version !== this.#version) {
      // One that trains keeps more behind its statistics than one that only infers.
      const [here, there] = [this.plan, attached.runner.plan].map((plan) => regionSizes(plan, 0));
      const shared = (["param", "stat"] as const).map((region) =>
        whole(region, 0, Math.min(here[region], there[region])),
      );
      const data = await this.#main.machine.read(shared);
      for (const [index, range] of shared.entries()) await attached.runner.machine.write(range, data[index]);
      attached.version = this.#version;
    }
    return attached.runner;
  }

  /** Loss, metrics and, if wanted, outputs of the entry that ran last, in one transfer. */
  async #results(runner: Runner, outputs = false): Promise<Inference> {
    const of = await readByKind(
      runner,
      ({ role }) => role.kind === "loss" || role.kind === "metric" || (outputs && role.kind === "output"),
    );
    return {
      loss: of("loss")[0]?.[1][0],
      metrics: Object.fromEntries(of("metric").map(([name, values]) => [name, values[0]])),
      outputs: Object.fromEntries(of("output")),
    };
  }

  #find(name: string): { readonly runner: Runner; readonly range: Range } {
    const kept = this.#kept.find((candidate) => candidate.name === name);
    if (kept !== undefined) return { runner: this.#main, range: kept.range };
    const { last } = this.#recent;
    const recent = last?.entry.tensors.find((tensor) => tensor.name === name);
    if (last !== undefined && recent !== undefined) {
      return { runner: this.#recent, range: rangeOf(recent, last.entry, last.steps) };
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

type Named = readonly (readonly [name: string, data: Float32Array])[];

/** The tensors wanted of the entry that ran last, in one transfer; then those of a kind by name. */
async function readByKind(
  runner: Runner,
  isWanted: (tensor: Tensor) => boolean,
): Promise<(kind: Tensor["role"]["kind"]) => Named> {
  const wanted = (runner.last?.entry.tensors ?? []).filter(isWanted);
  const data = await runner.read(wanted);
  return (kind) => wanted.flatMap(({ name, role }, i) => (role.kind === kind ? [[name, data[i]] as const] : []));
}
