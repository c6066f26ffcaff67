/** `cellc eval`: measures a trained model. */
import type { OptimizerName } from "../../compiler/optimizers.ts";
import type { NoiseMode } from "../../runtime/batch.ts";
import type { Context } from "../context.ts";
import { type DataSettings, openTaskWith } from "../data/settings.ts";
import type { Split } from "../data/task.ts";
import { type ExitCode, exit, Failure } from "../failure.ts";
import { optimizerOf } from "../optimizer.ts";
import { provenanceOf, provenanceWarning } from "../statistics/provenance.ts";
import type { TargetName } from "../targets.ts";
import { type ModelOptions, openBackend } from "../toolchain.ts";
import { allowed, type CheckpointOptions, loadCheckpoint, sayOtherEquations } from "../training/checkpoint.ts";
import { withInterrupt } from "../training/interrupt.ts";
import { openLearner } from "../training/open-learner.ts";
import { evaluate } from "../training/train.ts";

export interface EvalOptions extends ModelOptions, DataSettings, CheckpointOptions {
  readonly task: string;
  readonly checkpoint: string;
  readonly target: TargetName;
  readonly threads?: number;
  /** Refuse a checkpoint of another optimiser. */
  readonly optimizer?: OptimizerName;
  readonly split: Split;
  /** `stored`: the checkpoint's statistics. `exact`: statistics from a pass over training data with the checkpoint's parameters. */
  readonly stats: "stored" | "exact";
  readonly estimate: number;
  readonly noise: NoiseMode;
  readonly batch: number;
}

export async function evaluateCommand(context: Context, file: string, options: EvalOptions): Promise<ExitCode> {
  const { output } = context;
  const task = await openTaskWith(context, options.task, options);
  const backend = await openBackend(options.target, options.threads);
  try {
    const state = await loadCheckpoint(options.checkpoint);
    const request = { ...options, file, optimizer: optimizerOf(state, options.optimizer) };
    const { plan, session, learner } = await openLearner(request, task, options.split, backend, context);
    sayOtherEquations(options.checkpoint, await session.restore(state, allowed(options)), output);
    const warning = provenanceWarning(provenanceOf(plan, state.counters), options.checkpoint);
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
