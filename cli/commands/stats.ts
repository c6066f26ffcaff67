/** `cellc stats`: shows the population statistics of a trained model, and estimates them anew. */
import { keptTensors } from "../../runtime/layout.ts";
import { compareState } from "../../runtime/state.ts";
import type { Context } from "../context.ts";
import { openTaskWith } from "../data/settings.ts";
import { type ExitCode, exit } from "../failure.ts";
import { findingsOf } from "../statistics/findings.ts";
import { statisticsOf } from "../statistics/statistic.ts";
import { sayFindings, sayStatistics, summarise } from "../statistics/summary.ts";
import { type ModelSettings, trainedModel } from "../statistics/trained-model.ts";
import { compileFile, type TargetName } from "../toolchain.ts";
import { loadCheckpoint } from "../training/checkpoint.ts";
import { modelAround } from "../training/task-model.ts";

export interface StatsOptions extends ModelSettings {
  readonly target: TargetName;
  readonly threads?: number;
}

/** `given`: the options that stand on the command line. */
export async function stats(
  context: Context,
  path: string,
  file: string | undefined,
  options: StatsOptions,
  given: ReadonlySet<string>,
): Promise<ExitCode> {
  const { output } = context;
  const model = await trainedModel(path, file, options, given);
  const state = await loadCheckpoint(model.checkpoint);
  const task = await openTaskWith(context, model.task, model.settings);
  const request = { ...model.settings, file: model.file, quiet: true };
  const { executable, moments } = await compileFile(
    { ...request, ...modelAround(request, task), suggested: task.dims, time: task.steps },
    context,
  );
  const { plan } = executable;
  compareState(state, plan, keptTensors(plan));
  const statistics = statisticsOf(plan, moments, state.counters.seen, (name) => state.tensors.get(name)!.data);
  const findings = findingsOf(statistics);
  const summaries = statistics.map(summarise);
  sayStatistics(summaries, output);
  sayFindings(findings, statistics, output);
  output.result({ ok: true, model: plan.name, step: state.counters.step, statistics: summaries, findings });
  return exit.ok;
}
