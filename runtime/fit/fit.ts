/** The training loop: steps, evaluations, and when to end. It runs wherever a session does, and gives the event loop a turn in between. */
import type { Batch } from "../batch.ts";
import { RuntimeError } from "../error.ts";
import type { Averages } from "../metric-averager.ts";
import type { Batches, TrainOptions, TrainReport, WithCarry } from "../session-types.ts";
import { shown } from "../shown.ts";
import type { SavedTensor, SessionState } from "../state.ts";
import { breathe, paced } from "./breathe.ts";
import { DeadUnits } from "./dead-units.ts";
import { type Criterion, type Evaluated, Progress } from "./progress.ts";
import { learningRate, type RateOptions } from "./schedules.ts";
import { type TrainingWarning, Watch } from "./watch.ts";
import { WeightAverage } from "./weight-average.ts";

/** What `fit` trains: a `Session`, or what behaves as one. */
export interface Trainee {
  /** The number of updates so far. */
  readonly step: number;
  train(batches: Batch | readonly Batch[], options: TrainOptions & { readonly report?: true }): Promise<TrainReport>;
  estimate(batches: Batches, options?: WithCarry): Promise<unknown>;
  evaluate(batches: Batches, options?: WithCarry): Promise<Averages>;
  weights(): Promise<Map<string, Float32Array>>;
  /** Those of the last step, of the parameters that are trained. */
  gradients(): Promise<Map<string, SavedTensor>>;
  state(): Promise<SessionState>;
  restore(state: SessionState): Promise<unknown>;
}

/** After an update. */
export interface FitStep extends TrainReport {
  /** Counted from 1; undefined if nothing says how many batches an epoch has. */
  readonly epoch: number | undefined;
  readonly lr: number;
  /** Since `fit` was called. */
  readonly seconds: number;
}

/** After an evaluation. */
export interface FitEvaluation extends Evaluated {
  readonly epoch: number | undefined;
  readonly seconds: number;
  /** Whether it is better than all before, by the criterion `best`. */
  readonly best: boolean;
  /** The state that was measured: with averaged parameters, if they are averaged, and with the statistics that were used. */
  readonly measured: SessionState;
  /** The state to go on from, for a checkpoint. */
  readonly state: SessionState;
}

/** After an epoch. */
export interface FitEpoch {
  readonly epoch: number;
  readonly step: number;
  /** The mean of the losses of its steps, those since `fit` was called. */
  readonly loss: number;
}

/** Training waits for what it returns, and ends if that is `"stop"`. */
export type Callback<T> = (report: T) => unknown;

/** What `fit` takes: how long to train, by which rule, and what to measure. */
export interface FitOptions extends RateOptions {
  /** Passes over the training batches, instead of `steps`. */
  readonly epochs?: number;
  /** How many batches an epoch has. Default: as many as the list has, if it is one. */
  readonly batchesPerEpoch?: number;
  /** Largest norm of the gradient. Default: no clipping. */
  readonly clip?: number;
  /** As `Session.train` has it. */
  readonly momentum?: number;
  readonly hyper?: TrainOptions["hyper"];
  /** Batches of an update, whose gradients are added up: as one batch of all their examples. Default: 1. */
  readonly accumulate?: number;
  /**
   * Batches go on from each other, as those of `Session.train` do: in training, and in each estimate and evaluation for itself. A list
   * says with `reset` where its sequences begin, since it is passed over again. An update is then on a single batch.
   */
  readonly carry?: WithCarry["carry"];
  /** Keeps an exponential average of the parameters with this decay, such as 0.999, and evaluates with it. */
  readonly average?: number;
  /** Held-out batches, to measure on. Each call starts over. Without it, nothing is evaluated. */
  readonly validation?: () => Batches;
  /**
   * Training batches to estimate the population statistics from before each evaluation. Without it, they are the moving averages of
   * training, which averaged parameters cannot use.
   */
  readonly estimate?: () => Batches;
  /** Steps between evaluations. Default: an epoch. There is also one at the end. */
  readonly evaluateEvery?: number;
  /** What makes an evaluation the best. */
  readonly best?: Criterion;
  /** Ends training after this many evaluations in a row that were no better than the best. */
  readonly patience?: number;
  /** Ends training after this many seconds, with an evaluation. */
  readonly maxSeconds?: number;
  /** Ends training after the present step. An estimate or evaluation is given up, and changes nothing. */
  readonly signal?: AbortSignal;
  /** The evaluations before a resume, in order. One that was due at the present step and is not among them is made first. */
  readonly history?: readonly Evaluated[];
  /** The averaged parameters before a resume: `average` of the state that it goes on from. */
  readonly averaged?: ReadonlyMap<string, SavedTensor>;
  readonly onStep?: Callback<FitStep>;
  readonly onEvaluation?: Callback<FitEvaluation>;
  readonly onEpoch?: Callback<FitEpoch>;
  /** Signs that training goes wrong, each once. */
  readonly onWarning?: (warning: TrainingWarning) => void;
}

/** How training ended. */
export type FitEnding =
  | { readonly kind: "finished" }
  /** `patience`: evaluations did not improve any more. `time`: `maxSeconds` are over. `asked`: a callback said so. */
  | { readonly kind: "stopped"; readonly why: "patience" | "time" | "asked" }
  /** The signal was aborted. The session holds what was learnt since the last evaluation. */
  | { readonly kind: "interrupted" }
  /**
   * After `step` steps, a loss or a statistic is not finite, or the next step was refused, as `refused` says; the session is then as it
   * was before that step.
   */
  | {
      readonly kind: "diverged";
      readonly step: number;
      readonly during: "training" | "evaluation";
      readonly refused?: string;
    };

/** What `fit` returns. */
export interface Fitted {
  readonly ending: FitEnding;
  /** The best evaluation, those of `history` included. */
  readonly best: Evaluated | undefined;
  /** The state to go on from, for a checkpoint: the session's and, if parameters are averaged, their average. */
  state(): Promise<SessionState>;
}

/**
 * Trains on the batches, until `steps` updates or `epochs` are done, the batches run out, or something ends it. A list of batches is
 * passed over again and again; anything else once, and after a resume it begins with the batch that comes next. Errors: C0406 (options,
 * batches), and those of `Session.train` but for C0502, which is an ending.
 */
export async function fit(session: Trainee, batches: Batches, options: FitOptions): Promise<Fitted> {
  const {
    accumulate = 1,
    clip,
    momentum,
    hyper,
    carry,
    signal,
    patience,
    maxSeconds,
    validation,
    estimate,
    onWarning,
  } = options;
  for (const name of ["accumulate", "evaluateEvery", "patience", "steps", "batchesPerEpoch"] as const)
    wanted(name, options[name], "a whole number above 0", (n) => Number.isSafeInteger(n) && n > 0);
  for (const name of ["epochs", "maxSeconds"] as const) wanted(name, options[name], "a number above 0", (n) => n > 0);
  if (options.average !== undefined && validation !== undefined && estimate === undefined) {
    const help = "pass `estimate`, training batches to estimate them from";
    throw new RuntimeError("C0406", "moving statistics are not those of averaged parameters", help);
  }
  const perEpoch = options.batchesPerEpoch ?? (Array.isArray(batches) ? batches.length : undefined);
  const steps = stepsOf(options, perEpoch, accumulate);
  const every =
    options.evaluateEvery ?? (perEpoch === undefined ? undefined : Math.max(1, Math.round(perEpoch / accumulate)));
  const epochOf = (step: number) => (perEpoch === undefined ? undefined : Math.ceil((step * accumulate) / perEpoch));

  const going: WithCarry = carry === undefined ? {} : { carry };
  const started = performance.now();
  const seconds = () => (performance.now() - started) / 1000;
  const progress = new Progress(session.step, options.best);
  for (const evaluation of options.history ?? []) progress.add(evaluation);
  const rate = learningRate({ ...options, steps });
  const average =
    options.average === undefined ? undefined : await WeightAverage.begin(options.average, session, options.averaged);
  const watch = new Watch();
  const deadUnits = new DeadUnits();
  const state = async () => {
    const own = await session.state();
    return average === undefined ? own : average.beside(own);
  };

  /** Measures the session as it is. Undefined if that diverged. */
  const measured = async (): Promise<{ readonly averages: Averages; readonly state: SessionState } | undefined> => {
    try {
      if (estimate !== undefined) await session.estimate(paced(estimate(), signal), going);
      const averages = await session.evaluate(paced(validation!(), signal), going);
      return Number.isFinite(averages.loss) ? { averages, state: await session.state() } : undefined;
    } catch (error) {
      if (error instanceof RuntimeError && error.code === "C0502") return undefined;
      throw error;
    }
  };

  /** How training ends with this evaluation, if it does. */
  const evaluate = async (): Promise<FitEnding | undefined> => {
    const { step } = session;
    let found: Awaited<ReturnType<typeof measured>>;
    const own = average === undefined ? undefined : await session.state();
    try {
      if (average !== undefined && own !== undefined) await session.restore(average.in(own));
      found = await measured();
    } catch (error) {
      if (signal?.aborted) return { kind: "interrupted" };
      throw error;
    } finally {
      if (own !== undefined) await session.restore(own);
    }
    if (found === undefined) return { kind: "diverged", step, during: "evaluation" };
    const evaluation = { step, loss: found.averages.loss, metrics: found.averages.metrics };
    const best = progress.add(evaluation);
    const report: FitEvaluation = {
      ...evaluation,
      epoch: epochOf(step),
      seconds: seconds(),
      best,
      measured: found.state,
      state: average === undefined ? found.state : await state(),
    };
    return (await options.onEvaluation?.(report)) === "stop" ? { kind: "stopped", why: "asked" } : undefined;
  };

  const isDue = () => (every !== undefined && session.step % every === 0) || session.step === steps;
  const isOwed = () => validation !== undefined && session.step > 0 && progress.evaluated !== session.step;
  let [epochLoss, epochSteps] = [0, 0];

  const run = async (): Promise<FitEnding> => {
    let ending: FitEnding | undefined;
    if (isDue() && isOwed()) ending = await evaluate();
    const source = grouped(endless(batches), accumulate);
    try {
      while (ending === undefined) {
        progress.step = session.step;
        if (steps !== undefined && session.step >= steps) ending = { kind: "finished" };
        else if (patience !== undefined && progress.since >= patience) ending = { kind: "stopped", why: "patience" };
        else if (maxSeconds !== undefined && seconds() >= maxSeconds) ending = { kind: "stopped", why: "time" };
        if (ending !== undefined) break;
        await breathe();
        if (signal?.aborted) return { kind: "interrupted" };
        const next = await source.next();
        if (next.done) {
          ending = { kind: "finished" };
          break;
        }
        const lr = rate(progress);
        const report = await session
          .train(next.value, { lr, clip, momentum, ...going, ...(hyper && { hyper }) })
          .catch((error: unknown) => {
            if (error instanceof RuntimeError && error.code === "C0502") return error.message;
            throw error;
          });
        if (typeof report === "string")
          return { kind: "diverged", step: session.step, during: "training", refused: report };
        await average?.add(session, report.step);
        const epoch = epochOf(report.step);
        if ((await options.onStep?.({ ...report, epoch, lr, seconds: seconds() })) === "stop")
          ending = { kind: "stopped", why: "asked" };
        if (onWarning !== undefined) {
          for (const warning of watch.note(report)) onWarning(warning);
          if (deadUnits.isDue(report.step, report.gradientNorm))
            for (const warning of deadUnits.note(report.step, await session.gradients())) onWarning(warning);
        }
        epochLoss += report.loss;
        epochSteps++;
        if (epoch !== undefined && epochOf(report.step + 1) !== epoch) {
          const said = await options.onEpoch?.({ epoch, step: report.step, loss: epochLoss / epochSteps });
          if (said === "stop") ending ??= { kind: "stopped", why: "asked" };
          [epochLoss, epochSteps] = [0, 0];
        }
        if (isDue() && isOwed()) ending = (await evaluate()) ?? ending;
      }
    } finally {
      await source.return(undefined);
    }
    const isOver = ending.kind === "finished" || ending.kind === "stopped";
    return isOver && isOwed() ? ((await evaluate()) ?? ending) : ending;
  };

  const ending = await run();
  return { ending, best: progress.best, state };
}

/** How many updates there are in all, if that is known. */
function stepsOf({ steps, epochs }: FitOptions, perEpoch: number | undefined, accumulate: number): number | undefined {
  if (steps !== undefined && epochs !== undefined)
    throw new RuntimeError("C0406", "`steps` and `epochs` both say how long training is", "give one of them");
  if (epochs === undefined) return steps;
  if (perEpoch === undefined)
    throw new RuntimeError(
      "C0406",
      "nothing says how long an epoch is",
      "give `batchesPerEpoch`, or a list of batches",
    );
  return Math.max(1, Math.ceil((epochs * perEpoch) / accumulate));
}

function wanted(name: string, value: unknown, must: string, test: (value: number) => boolean): void {
  if (value === undefined || (typeof value === "number" && test(value))) return;
  throw new RuntimeError("C0406", `\`${name}\` of \`fit\` is ${must}, not ${shown(value)}`);
}

/** A list again and again, anything else once. */
async function* endless(batches: Batches): AsyncGenerator<Batch> {
  if (Array.isArray(batches) && batches.length === 0) throw new RuntimeError("C0406", "there is no batch to train on");
  do yield* batches;
  while (Array.isArray(batches));
}

/** So many batches at a time. What is left at the end, and is fewer, is left out. */
async function* grouped(
  batches: AsyncIterable<Batch>,
  count: number,
): AsyncGenerator<readonly Batch[], undefined, void> {
  let group: Batch[] = [];
  for await (const batch of batches) {
    group.push(batch);
    if (group.length < count) continue;
    yield group;
    group = [];
  }
}
