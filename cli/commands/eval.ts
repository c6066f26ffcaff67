/** `cellc eval`: measures a trained model. */
import type { Context } from "../context.ts";
import { openTrainedTask } from "../data/settings.ts";
import type { Split } from "../data/task.ts";
import { type ExitCode, exit, Failure } from "../failure.ts";
import { optimizerOf } from "../optimizer.ts";
import { provenanceOf, provenanceWarning } from "../statistics/provenance.ts";
import { type ModelSettings, type TrainedModel, trainedModel } from "../statistics/trained-model.ts";
import type { TargetName } from "../targets.ts";
import { openBackend } from "../toolchain.ts";
import { allowed, type CheckpointOptions, loadCheckpoint, sayOtherEquations } from "../training/checkpoint.ts";
import { withInterrupt } from "../training/interrupt.ts";
import { openLearner } from "../training/open-learner.ts";
import { evaluate } from "../training/train.ts";

export interface EvalOptions extends ModelSettings, CheckpointOptions {
  /** The checkpoint, if the argument is a `.cell` file. */
  readonly checkpoint?: string;
  readonly target: TargetName;
  readonly threads?: number;
  readonly split: Split;
  /** `stored`: the checkpoint's statistics. `exact`: statistics from a pass over training data with the checkpoint's parameters. */
  readonly stats: "stored" | "exact";
  readonly estimate: number;
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
  const { file, checkpoint, settings: options } = await whatIsMeasured(path, cell, given, names);
  const state = await loadCheckpoint(checkpoint);
  const task = await openTrainedTask(context, options, checkpoint, state);
  const backend = await openBackend(options.target, options.threads);
  try {
    const request = { ...options, file, optimizer: optimizerOf(state, options.optimizer) };
    const { plan, session, learner } = await openLearner(request, task, options.split, backend, context);
    sayOtherEquations(checkpoint, await session.restore(state, allowed(options)), output);
    const warning = provenanceWarning(provenanceOf(plan, state.counters), checkpoint);
    if (options.stats === "stored" && warning !== undefined) output.warn(warning);
    const how = {
      statistics: options.stats === "exact" ? "exact" : "ema",
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
    output.result({
      ok: true,
      task: task.name,
      split: options.split,
      examples: task.splits[options.split],
      statistics: options.stats,
      step: learner.step,
      loss,
      metrics,
    });
    return exit.ok;
  } finally {
    backend.close();
  }
}

async function whatIsMeasured(
  path: string,
  cell: string | undefined,
  options: EvalOptions,
  given: ReadonlySet<string>,
): Promise<Omit<TrainedModel<EvalOptions>, "form">> {
  const { checkpoint } = options;
  if (checkpoint !== undefined && cell === undefined) return { file: path, checkpoint, settings: options };
  if (checkpoint === undefined && !path.endsWith(".cell")) return trainedModel(path, cell, options, given);
  throw new Failure(
    "C0301",
    exit.usage,
    checkpoint === undefined
      ? `${path} is a cell, and nothing says which numbers it was trained to`
      : "two checkpoints are given",
    "name the folder of a run: cellc eval runs/a; or a cell and its numbers: cellc eval a.cell --checkpoint a.safetensors",
  );
}
