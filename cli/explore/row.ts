/** One row of an exploration: a placement with a seed, trained and measured on its own thread. */
import { CompileError } from "../../compiler/diagnostics/diagnostic.ts";
import { RuntimeError } from "../../runtime/error.ts";
import type { Plan } from "../../runtime/plan.ts";
import { refuseSingleExample } from "../../runtime/single-example.ts";
import type { Context } from "../context.ts";
import { seededStreams } from "../data/streams.ts";
import type { Task } from "../data/task.ts";
import { Failure } from "../failure.ts";
import type { CurvePoint } from "../report/curve-log.ts";
import { summarise } from "../report/plan-summary.ts";
import { defaultTarget } from "../targets.ts";
import { type ModelOptions, openBackend } from "../toolchain.ts";
import { type Learner, type Measures, withTrain } from "../training/learner.ts";
import { type OpenLearner, openLearner } from "../training/open-learner.ts";
import { type TrainingSettings, trainingOptions } from "../training/settings.ts";
import { train } from "../training/train.ts";
import { placementText, type Row } from "./rows.ts";

/** What all rows share. */
export interface RowSettings {
  readonly file: string;
  /** `model.place` comes before a row's own placement. */
  readonly model: ModelOptions;
  readonly training: TrainingSettings;
}

/** The number of training steps of a row, and of steps between evaluations. */
export interface RowLength {
  readonly steps: number;
  readonly evaluateEvery: number;
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
  readonly format: 1;
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

/** Measured times of a row's parts, in seconds. */
export interface RowTiming {
  readonly compile: number;
  readonly step: number;
  readonly evaluation: number;
}

type RowContext = Pick<Context, "environment" | "output">;

/**
 * Trains a row. If its placement does not compile, cannot run or diverges, that is its outcome. Errors about the command rather
 * than the placement are thrown.
 */
export async function trainRow(
  row: Row,
  task: Task,
  settings: RowSettings,
  length: RowLength,
  context: RowContext,
  onStep: (step: number) => void,
): Promise<RowRecord> {
  const started = performance.now();
  const points: CurvePoint[] = [];
  let milliseconds = Number.POSITIVE_INFINITY;
  let plan: Plan | undefined;
  let warnings: readonly string[] = [];
  let result: Measures | undefined;
  const record = (outcome: RowOutcome): RowRecord => ({
    format: 1,
    ...row,
    outcome,
    warnings,
    result,
    cost: plan && Number.isFinite(milliseconds) ? { milliseconds, ...costOf(plan, task) } : undefined,
    seconds: (performance.now() - started) / 1000,
    points,
  });
  try {
    return await withRow(row, task, settings, context, async (opened) => {
      plan = opened.plan;
      warnings = opened.warnings.map(({ code, message }) => `${code}: ${message}`);
      const { ending } = await train(
        timed(opened.learner, (time) => {
          milliseconds = Math.min(milliseconds, time);
        }),
        task,
        trainingOptions(settings.training, { ...length, evaluateOn: "validation" }),
        seededStreams(row.seed),
        undefined,
        {
          onStep(point) {
            points.push(point);
            onStep(point.step);
          },
          async onEvaluation(point) {
            points.push(point);
            result = { loss: point.loss, metrics: point.metrics };
          },
        },
      );
      if (ending.kind === "interrupted") throw new Error("nobody interrupts a row");
      return record(
        ending.kind === "diverged"
          ? { status: "diverged", step: ending.step, during: ending.during }
          : { status: "finished" },
      );
    });
  } catch (error) {
    const reason = reasonOf(error);
    if (reason === undefined) throw error;
    return record({ status: "failed", ...reason });
  }
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
  const place = [model.place, placementText(row.placement)].filter((text) => text !== undefined).join(",");
  const backend = await openBackend(defaultTarget, 1);
  try {
    const request = { ...model, ...training, file, place, target: defaultTarget, threads: 1, quiet: true } as const;
    const opened = await openLearner(request, task, "validation", backend, { ...context, seed: row.seed });
    refuseSingleExample(
      opened.plan,
      { examples: training.batch, axes: { time: { steps: task.steps } } },
      training.stats === "exact",
    );
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
