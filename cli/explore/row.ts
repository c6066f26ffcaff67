/** One row of an exploration: a placement with a seed, trained and measured on its own thread. */
import { CompileError } from "../../compiler/diagnostics/diagnostic.ts";
import { RuntimeError } from "../../runtime/error.ts";
import type { Plan } from "../../runtime/plan.ts";
import { refuseSingleExample } from "../../runtime/single-example.ts";
import type { Context } from "../context.ts";
import { seededStreams } from "../data/streams.ts";
import type { Task } from "../data/task.ts";
import { largestBatch } from "../data/time-axes.ts";
import { Failure } from "../failure.ts";
import { type CurvePoint, evaluationsOf } from "../report/curve-log.ts";
import { summarise } from "../report/plan-summary.ts";
import { defaultTarget } from "../targets.ts";
import { type ModelOptions, openBackend } from "../toolchain.ts";
import { loadCheckpoint, saveCheckpoint } from "../training/checkpoint.ts";
import { type Learner, type Measures, withTrain } from "../training/learner.ts";
import { type OpenLearner, openLearner } from "../training/open-learner.ts";
import { type TrainingSettings, trainingOptions } from "../training/settings.ts";
import { evaluate, train } from "../training/train.ts";
import { compileOnce } from "./compiled.ts";
import { placementText } from "./placement.ts";
import type { Row } from "./rows.ts";

/** What all rows share. */
export interface RowSettings {
  readonly file: string;
  /** `model.place` comes before a row's own placement. */
  readonly model: ModelOptions;
  readonly training: TrainingSettings;
}

/** The number of training steps of a row that goes to the end, and of steps between evaluations. */
export interface RowLength {
  readonly steps: number;
  readonly evaluateEvery: number;
}

/** A stretch of a row's training. */
export interface Stretch extends RowLength {
  /** It ends after this step: `steps`, or a multiple of `evaluateEvery` at which a rung ends. */
  readonly until: number;
  /** What the row was at the end of the stretch before; undefined for the first. */
  readonly before?: { readonly record: RowRecord; readonly checkpoint: string };
  /** Where its model at the end goes. */
  readonly checkpoint: string;
}

export type RowOutcome =
  | { readonly status: "finished" }
  | { readonly status: "diverged"; readonly step: number; readonly during: "training" | "evaluation" }
  /** The row does not compile or cannot run here. `code` is a catalogue code or `internal`. */
  | { readonly status: "failed"; readonly code: string; readonly message: string };

/** The cost of a training step. */
export interface RowCost {
  /** Time of the fastest step, on one thread, without making the batch: other work on the machine can only add to it. */
  readonly milliseconds: number;
  /** Kernels that a step dispatches, including the update. */
  readonly dispatches: number;
  /** Size of all memory. */
  readonly bytes: number;
  readonly parameters: number;
}

/** The file that is kept of a finished row. */
export interface RowRecord extends Row {
  readonly format: 2;
  /** The training steps that it was asked for so far. */
  readonly steps: number;
  readonly outcome: RowOutcome;
  /** The compiler's warnings, each with its code: `W0605: …`. */
  readonly warnings: readonly string[];
  /** The last evaluation. */
  readonly result?: Measures;
  readonly cost?: RowCost;
  /** Time for compiling, training and evaluating. */
  readonly seconds: number;
  readonly points: readonly CurvePoint[];
}

/** What a row that was not trained, or not to the end, has in its record. */
export const unfinishedRow = (row: Row, steps: number, outcome: RowOutcome, seconds: number): RowRecord => ({
  format: 2,
  ...row,
  ...{ steps, outcome, warnings: [], seconds, points: [] },
});

/** Measured times of a row's parts, in seconds. */
export interface RowTiming {
  readonly compile: number;
  readonly step: number;
  readonly evaluation: number;
}

type RowContext = Pick<Context, "environment" | "output">;

/**
 * Trains a row to the end of a stretch and keeps its model. If its placement does not compile, cannot run or diverges, that is its
 * outcome. Errors about the command rather than the placement are thrown.
 */
export async function trainRow(
  row: Row,
  task: Task,
  settings: RowSettings,
  { steps, evaluateEvery, until, before, checkpoint }: Stretch,
  context: RowContext,
  onStep: (step: number) => void,
): Promise<RowRecord> {
  const started = performance.now();
  const points: CurvePoint[] = [...(before?.record.points ?? [])];
  const trained = points.at(-1)?.seconds ?? 0;
  const add = (point: CurvePoint): void => void points.push({ ...point, seconds: trained + point.seconds });
  let milliseconds = before?.record.cost?.milliseconds ?? Number.POSITIVE_INFINITY;
  let plan: Plan | undefined;
  let warnings: readonly string[] = [];
  let result: Measures | undefined;
  const record = (outcome: RowOutcome): RowRecord => ({
    ...unfinishedRow(row, until, outcome, (before?.record.seconds ?? 0) + (performance.now() - started) / 1000),
    ...{ warnings, result, points },
    cost: plan && Number.isFinite(milliseconds) ? { milliseconds, ...costOf(plan, task) } : undefined,
  });
  try {
    return await withRow(row, task, settings, context, async (opened) => {
      const { learner, session } = opened;
      plan = opened.plan;
      warnings = opened.warnings.map(({ code, message }) => `${code}: ${message}`);
      const earlier = before && (await loadCheckpoint(before.checkpoint));
      if (earlier !== undefined) await session.restore(earlier);
      const rungEnd = new AbortController();
      const { ending, state } = await train(
        timed(learner, (time) => {
          milliseconds = Math.min(milliseconds, time);
        }),
        task,
        trainingOptions(settings.training, {
          ...{ steps, evaluateEvery, evaluateOn: "validation" },
          history: evaluationsOf(points),
          averaged: earlier?.average,
        }),
        seededStreams(row.seed),
        rungEnd.signal,
        {
          onStep(point) {
            add(point);
            onStep(point.step);
          },
          async onEvaluation(point) {
            add(point);
            result = { loss: point.loss, metrics: point.metrics };
            if (point.step >= until) rungEnd.abort();
          },
        },
      );
      if (ending.kind === "diverged") return record({ status: "diverged", step: ending.step, during: ending.during });
      if (learner.step !== until) throw new Error(`a row stopped after ${learner.step} steps, not ${until}`);
      await saveCheckpoint(checkpoint, await state());
      return record({ status: "finished" });
    });
  } catch (error) {
    const reason = reasonOf(error);
    if (reason === undefined) throw error;
    return record({ status: "failed", ...reason });
  }
}

/** Measures the model of a row on the test split. */
export function testRow(
  row: Row,
  task: Task,
  settings: RowSettings,
  checkpoint: string,
  context: RowContext,
): Promise<Measures> {
  return withRow(row, task, settings, context, async ({ session, learner }) => {
    const { average, ...own } = await loadCheckpoint(checkpoint);
    await session.restore(average === undefined ? own : { ...own, tensors: new Map([...own.tensors, ...average]) });
    // The statistics of the checkpoint are those of its weights, not of their average.
    const statistics = average === undefined ? "ema" : "exact";
    const { batch, estimate } = settings.training;
    return evaluate(learner, task, { statistics, batch, estimateExamples: estimate, evaluateOn: "test" });
  });
}

/** Steps to time a row for, after one warm-up step. */
const TIMED_STEPS = 5;

/** Measures how long a placement takes, including making its batches; undefined if it cannot be trained. */
export async function measureRow(
  row: Row,
  task: Task,
  settings: RowSettings,
  context: RowContext,
): Promise<RowTiming | undefined> {
  const started = performance.now();
  try {
    return await withRow(row, task, settings, context, async ({ learner }) => {
      const compile = (performance.now() - started) / 1000;
      const steps = TIMED_STEPS + 1;
      /** Seconds at each step, and at the evaluation after the last. */
      const times: number[] = [];
      await train(
        learner,
        task,
        trainingOptions(settings.training, { steps, evaluateEvery: steps, evaluateOn: "validation" }),
        seededStreams(row.seed),
        undefined,
        {
          onStep: ({ seconds }) => void times.push(seconds),
          onEvaluation: async ({ seconds }) => void times.push(seconds),
        },
      );
      // Training ends early if the loss is NaN.
      if (times.length < steps + 1) return undefined;
      return {
        compile,
        step: (times[TIMED_STEPS] - times[0]) / TIMED_STEPS,
        evaluation: times[steps] - times[TIMED_STEPS],
      };
    });
  } catch (error) {
    if (reasonOf(error) === undefined) throw error;
    return undefined;
  }
}

/** Opens a row's learner on its own backend while `work` runs. */
async function withRow<T>(
  row: Row,
  task: Task,
  { file, model, training }: RowSettings,
  context: RowContext,
  work: (opened: OpenLearner) => Promise<T>,
): Promise<T> {
  const place = [model.place, placementText(row.placed)].filter((text) => text !== undefined).join(",");
  const backend = await openBackend(defaultTarget, 1);
  try {
    const request = { ...model, ...training, file, place, target: defaultTarget, threads: 1, quiet: true } as const;
    const options = { compile: compileOnce };
    const opened = await openLearner(request, task, "validation", backend, { ...context, seed: row.seed }, options);
    refuseSingleExample(opened.plan, largestBatch(task, training.batch), training.stats === "exact");
    return await work(opened);
  } finally {
    backend.close();
  }
}

/** A learner that calls `tell` with the milliseconds of each training step. */
const timed = (learner: Learner, tell: (milliseconds: number) => void): Learner =>
  withTrain(learner, async (batch, settings) => {
    const started = performance.now();
    const measures = await learner.train(batch, settings);
    tell(performance.now() - started);
    return measures;
  });

function costOf(plan: Plan, task: Task): Omit<RowCost, "milliseconds"> {
  const { entries, memory, parameterCount } = summarise(plan, task.steps);
  return {
    dispatches: (entries.train?.dispatches ?? 0) + (entries.update?.dispatches ?? 0),
    bytes: Object.values(memory).reduce((sum, bytes) => sum + bytes, 0),
    parameters: parameterCount,
  };
}

/** Why a row failed; undefined if the error is not about its placement. */
function reasonOf(error: unknown): { readonly code: string; readonly message: string } | undefined {
  if (error instanceof Failure) return undefined;
  if (error instanceof CompileError) {
    const { code, message } = error.diagnostics.find(({ severity }) => severity === "error") ?? error.diagnostics[0];
    return { code, message };
  }
  if (error instanceof RuntimeError) return { code: error.code, message: error.message };
  return { code: "internal", message: error instanceof Error ? (error.stack ?? error.message) : String(error) };
}
