/** Compiles a model for a task and loads it on a backend, ready to train or to be measured. */
import type { Diagnostic } from "../../compiler/diagnostics/diagnostic.ts";
import type { Backend } from "../../runtime/backend.ts";
import type { NoiseMode } from "../../runtime/batch.ts";
import { carrying } from "../../runtime/carriers.ts";
import type { Plan } from "../../runtime/plan.ts";
import { Session } from "../../runtime/session.ts";
import type { StatisticsMode } from "../../runtime/session-types.ts";
import type { Context } from "../context.ts";
import { requireParts } from "../data/carry.ts";
import { notesOf } from "../data/preparation.ts";
import type { Split, Task, TaskForm } from "../data/task.ts";
import { sayDiagnostics } from "../diagnostics.ts";
import { exit, Failure } from "../failure.ts";
import type { Norms } from "../statistics/statistic.ts";
import { type CompileRequest, compileFile, measuringEntries, trainingEntries } from "../toolchain.ts";
import { requireExamples } from "./batches.ts";
import { checkInputs, checkWeights } from "./check-inputs.ts";
import type { Learner } from "./learner.ts";
import { isRagged, unitCount } from "./order.ts";
import { sessionLearner } from "./session-learner.ts";
import { modelAround } from "./task-model.ts";
import { watchVariances } from "./watch-variances.ts";

export interface OpenLearner {
  readonly plan: Plan;
  readonly session: Session;
  /** The sites of its norms, and their statistics. */
  readonly norms: Norms;
  readonly learner: Learner;
  /** The model's first metric, or "loss" if it has none. */
  readonly metric: string;
  /** The compiler's warnings about the model and its norms. They are already printed unless `quiet`. */
  readonly warnings: readonly Diagnostic[];
}

export interface LearnerRequest extends Omit<CompileRequest, "suggested" | "time"> {
  readonly noise?: NoiseMode;
  /** Whose statistics evaluations use. Default: the population's. */
  readonly statistics?: StatisticsMode;
  /** Batches of a step. */
  readonly accumulate?: number;
}

export interface LearnerOptions {
  /** What the model was made for, if that is not the task: a checkpoint's model is measured on other data, too. */
  readonly form?: TaskForm;
  /** Whether no training example is read. */
  readonly measuring?: boolean;
  /** Who compiles. Default: `compileFile`. */
  readonly compile?: typeof compileFile;
}

/**
 * Compiles the model, or a model around the cell, for the request's batch. With a `split`, also compiles it for the smaller last
 * batch of the split, so that every example is measured. Throws C0301 for several batches in a step of a task that goes on, and as
 * compiling does, C0221 for a model without a loss, and C0406 if
 * task, batch and model do not fit together.
 */
export async function openLearner(
  request: LearnerRequest,
  task: Task,
  split: Split | undefined,
  backend: Backend,
  context: Pick<Context, "environment" | "output" | "seed">,
  { form = task, measuring = false, compile = compileFile }: LearnerOptions = {},
): Promise<OpenLearner> {
  const there = measuring ? undefined : unitCount(task, "train");
  if (there !== undefined && there < request.batch) {
    throw new Failure(
      "C0406",
      exit.input,
      `${task.name} has ${there} training ${task.carry ? "sequences" : "examples"}, fewer than a batch of ${request.batch}`,
      there === 0 ? "give the training part a larger share: --split" : `--batch ${there} at most`,
    );
  }
  if (!measuring) requireParts(task);
  if (task.carry !== undefined && (request.accumulate ?? 1) > 1)
    throw new Failure(
      "C0301",
      exit.usage,
      "--accumulate makes one step of several batches, and with --carry each batch goes on from the step before",
      "leave --accumulate out, and take a larger --batch or a longer --window",
    );
  if (split !== undefined) requireExamples(task, split);
  const around = modelAround(request, form);
  if (around !== undefined && !request.quiet) sayDiagnostics(around.warnings, context.output);
  const full: CompileRequest = {
    ...request,
    ...around,
    ragged: request.ragged || isRagged(task),
    carry: task.carry !== undefined,
    suggested: form.dims,
    time: form.steps,
    // Longer sequences than the model was made for are not trained on, and need not fit in memory for that.
    entries: task.steps > form.steps ? measuringEntries : trainingEntries,
  };
  const compilation = await compile(full, context);
  const { executable, warnings } = compilation;
  const { plan } = executable;
  if (!plan.entries.infer?.tensors.some(({ role }) => role.kind === "loss")) {
    throw new Failure("C0221", exit.input, `${plan.name} has no loss`, "add one: loss cross_entropy(logits, y)");
  }
  if (plan.entries.update === undefined) {
    const help = "declare as param what is to be trained";
    throw new Failure("C0221", exit.input, `${plan.name} has no parameters to train`, help);
  }
  await checkInputs(plan, task);
  checkWeights(plan, task);
  const session = await Session.open(executable, backend, { seed: context.seed, carrying });
  session.notes = notesOf(task.preparation) ?? {};
  const rest = split === undefined ? 0 : unitCount(task, split) % request.batch;
  if (rest > 0) await session.attach((await compile({ ...full, batch: rest, quiet: true }, context)).executable);
  const metric = plan.entries.infer?.tensors.find(({ role }) => role.kind === "metric")?.name ?? "loss";
  const learner = sessionLearner(session, {
    noise: request.noise,
    carry: task.carry,
    statistics: request.statistics,
  });
  return {
    plan,
    session,
    norms: compilation,
    learner: request.quiet ? learner : watchVariances(learner, session, compilation, context.output),
    metric,
    warnings: [...(around?.warnings ?? []), ...warnings],
  };
}
