/** `cellc eval`: measures a trained model. */
import type { Session } from "../../runtime/session.ts";
import type { StatisticsMode } from "../../runtime/session-types.ts";
import type { Context } from "../context.ts";
import { openTrainedTask } from "../data/settings.ts";
import type { Split, Task, TaskForm } from "../data/task.ts";
import { type ExitCode, exit, Failure } from "../failure.ts";
import { type ClassReport, classWords } from "../inference/class-report.ts";
import { drawConfusion } from "../inference/confusion-picture.ts";
import { isWhole, modelForData } from "../inference/new-data.ts";
import { type ChosenOutput, chosenOutputs } from "../inference/outputs.ts";
import { type Report, reportsOf, sayReports } from "../inference/reports.ts";
import { optimizerOf } from "../optimizer.ts";
import type { Output } from "../output.ts";
import { writeAtomically } from "../report/files.ts";
import { requireBatch } from "../statistics/passes.ts";
import { provenanceOf, provenanceWarning } from "../statistics/provenance.ts";
import type { ModelSettings, TrainedModel } from "../statistics/trained-model.ts";
import type { TargetName } from "../targets.ts";
import { openBackend } from "../toolchain.ts";
import { allowed, type CheckpointOptions, loadCheckpoint, sayOtherEquations } from "../training/checkpoint.ts";
import { withInterrupt } from "../training/interrupt.ts";
import { openLearner } from "../training/open-learner.ts";
import { drawnWhole, examplesIn } from "../training/order.ts";
import { elaborateModel } from "../training/task-model.ts";
import { evaluate } from "../training/train.ts";

export interface EvalOptions extends ModelSettings, CheckpointOptions {
  /** The checkpoint, if the argument is a `.cell` file. */
  readonly checkpoint?: string;
  readonly target: TargetName;
  readonly threads?: number;
  readonly split: Split;
  /**
   * `stored`: the checkpoint's statistics. `exact`: statistics from a pass over training data with the checkpoint's parameters. `batch`:
   * those of each batch that is measured.
   */
  readonly stats: "stored" | "exact" | "batch";
  readonly estimate: number;
  /** The output whose predictions are measured, or `target=output`. */
  readonly output?: string;
  /** Where to draw the confusion matrix. */
  readonly svg?: string;
}

/** `path` is a run, or a checkpoint in it, or the cell of `options.checkpoint`. `given` names the options on the command line. */
export async function evaluateCommand(
  context: Context,
  path: string,
  cell: string | undefined,
  given: EvalOptions,
  names: ReadonlySet<string>,
): Promise<ExitCode> {
  const { output } = context;
  const { file, checkpoint, form, settings } = await whatIsMeasured(output, path, cell, given, names);
  const state = await loadCheckpoint(checkpoint);
  const purpose = { whole: isWhole(given, names) && form !== undefined, predicting: false };
  const options: EvalOptions = purpose.whole ? { ...settings, split: "test" } : settings;
  const task = await openTrainedTask(context, { ...options, streams: options.batch }, checkpoint, state, purpose);
  const examples = measuredExamples(task, options, output);
  const backend = await openBackend(options.target, options.threads);
  try {
    const optimizer = optimizerOf(state, options.optimizer);
    const request = { ...options, file, optimizer, statistics: modeOf(options) };
    const split = options.stats === "batch" ? undefined : options.split;
    const { plan, session, learner } = await openLearner(request, task, split, backend, context, {
      form,
      measuring: options.stats !== "exact",
    });
    sayOtherEquations(checkpoint, await session.restore(state, allowed(options)), output);
    const warning = provenanceWarning(provenanceOf(plan, state.counters), checkpoint);
    if (options.stats === "stored" && warning !== undefined) output.warn(warning);
    const how = {
      statistics: options.stats === "stored" ? "ema" : options.stats,
      batch: options.batch,
      estimateExamples: options.estimate,
      evaluateOn: options.split,
    } as const;
    // Until here, there is nothing to end in good order: a signal ends the process.
    const { loss, metrics } = await withInterrupt(
      context.signals,
      () => output.warn("stopping after this batch; Ctrl-C again to stop at once"),
      (interrupt) => evaluate(learner, task, how, interrupt),
    );
    if (!Number.isFinite(loss))
      throw new Failure("C0502", exit.diverged, `the loss on ${options.split} is no finite number`);
    const measures = Object.entries({ loss, ...metrics });
    output.table(
      ["measure", options.split],
      measures.map(([name, value]) => [name, value.toFixed(4)]),
    );
    const reports = await report(context, task, form ?? task, { ...options, file }, session);
    output.result({
      ok: true,
      task: task.name,
      split: options.split,
      examples,
      statistics: options.stats,
      step: learner.step,
      loss,
      metrics,
      reports,
    });
    return exit.ok;
  } finally {
    backend.close();
  }
}

const modeOf = ({ stats }: EvalOptions): StatisticsMode => (stats === "batch" ? "batch" : "population");

/**
 * How many examples are measured: all of the split, or those of whole batches where each batch has statistics of its own, which depend on
 * its size. Throws C0406 if there is none.
 */
function measuredExamples(task: Task, { stats, split, batch }: EvalOptions, output: Output): number {
  const all = task.splits[split];
  if (stats !== "batch") return all;
  requireBatch(task, split, batch);
  const measured = examplesIn(drawnWhole(task, split, batch, Number.POSITIVE_INFINITY));
  if (measured < all)
    output.warn(
      `left out: the last ${all - measured === 1 ? "example" : `${all - measured} examples`} of ${split}, which fill no batch of ${batch}`,
    );
  return measured;
}

/** Measures what the model predicts, target by target. Throws as `chosenOutputs` does if an output is asked for. */
async function report(
  { output }: Context,
  task: Task,
  form: TaskForm,
  options: EvalOptions & { readonly file: string },
  session: Session,
): Promise<Readonly<Record<string, Report>>> {
  const { split, batch, noise, svg } = options;
  const { graph } = elaborateModel(options, form).elaborated;
  let chosen: readonly ChosenOutput[];
  try {
    chosen = chosenOutputs({ plan: session.plan, graph, task, output: options.output });
  } catch (error) {
    // A model whose loss is all that is known of it is measured by that.
    if (!(error instanceof Failure) || options.output !== undefined || svg !== undefined) throw error;
    output.warn(`no more is measured than the loss and its metrics: ${error.message}`);
    return {};
  }
  // A signal is only seen between two turns of the event loop.
  const breathe = (): Promise<void> => new Promise((done) => void setImmediate(done));
  const reports = await reportsOf({ task, split, batch, session, chosen, noise, statistics: modeOf(options) }, breathe);
  sayReports(reports, output);
  if (svg !== undefined) await drawMatrix(svg, task, split, reports, output);
  return reports;
}

async function drawMatrix(
  path: string,
  task: Task,
  split: Split,
  reports: Readonly<Record<string, Report>>,
  output: Output,
): Promise<void> {
  const found = Object.entries(reports).find((entry): entry is [string, ClassReport] => entry[1].kind === "classes");
  if (found === undefined)
    throw new Failure("C0301", exit.usage, "--svg draws which classes are taken for which, and no class is predicted");
  const [target, classes] = found;
  const subtitle = `${target} of ${task.name}, ${split}: ${classWords(target, classes)}`;
  await writeAtomically(path, drawConfusion({ title: "Which class is taken for which", subtitle, report: classes }));
  output.say(`${path} written`);
}

async function whatIsMeasured(
  output: Output,
  path: string,
  cell: string | undefined,
  options: EvalOptions,
  given: ReadonlySet<string>,
): Promise<TrainedModel<EvalOptions>> {
  const { checkpoint } = options;
  if (checkpoint !== undefined && cell === undefined) return { file: path, checkpoint, settings: options };
  if (checkpoint === undefined && !path.endsWith(".cell")) return modelForData(output, path, cell, options, given);
  throw new Failure(
    "C0301",
    exit.usage,
    checkpoint === undefined
      ? `${path} is a cell, and nothing says which numbers it was trained to`
      : "two checkpoints are given",
    "name the folder of a run: cellc eval runs/a; or a cell and its numbers: cellc eval a.cell --checkpoint a.safetensors",
  );
}
