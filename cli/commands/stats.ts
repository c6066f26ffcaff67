/** `cellc stats`: shows the population statistics of a trained model, re-estimates them, or reports how far they have drifted. */
import { dirname } from "node:path";
import { keptTensors } from "../../runtime/layout.ts";
import type { Plan } from "../../runtime/plan.ts";
import type { EstimateOptions, StatisticsMode } from "../../runtime/session-types.ts";
import { compareState, type SessionState } from "../../runtime/state.ts";
import type { Context } from "../context.ts";
import { openTrainedTask } from "../data/settings.ts";
import type { Split, Task } from "../data/task.ts";
import { type ExitCode, exit, Failure } from "../failure.ts";
import { withFolderLock } from "../folder-lock.ts";
import { optimizerOf } from "../optimizer.ts";
import { writeAtomically } from "../report/files.ts";
import { driftOf } from "../statistics/drift.ts";
import { lagging, type Measured, sayDrift } from "../statistics/drift-report.ts";
import { drawStatistics } from "../statistics/figure.ts";
import { findingsOf } from "../statistics/findings.ts";
import { type Pass, passOver, withProgress } from "../statistics/passes.ts";
import { provenanceOf, provenanceText } from "../statistics/provenance.ts";
import { hasStatistics, type Norms, statisticsOf } from "../statistics/statistic.ts";
import { sayFindings, sayStatistics, summarise } from "../statistics/summary.ts";
import { isOfRun, type ModelSettings, type TrainedModel, trainedModel } from "../statistics/trained-model.ts";
import type { TargetName } from "../targets.ts";
import { compileFile, openBackend, trainingEntries } from "../toolchain.ts";
import {
  allowed,
  type CheckpointOptions,
  loadCheckpoint,
  saveCheckpoint,
  sayOtherEquations,
} from "../training/checkpoint.ts";
import { withInterrupt } from "../training/interrupt.ts";
import { type OpenLearner, openLearner } from "../training/open-learner.ts";
import { modelAround } from "../training/task-model.ts";

export interface StatsOptions extends ModelSettings, CheckpointOptions {
  readonly target: TargetName;
  readonly threads?: number;
  /** The file to draw the statistics to. */
  readonly plot?: string;
  readonly estimate?: boolean;
  readonly drift?: boolean;
  /** The split to estimate statistics from. */
  readonly split: Split;
  readonly batches?: number;
  readonly variance: NonNullable<EstimateOptions["variance"]>;
  /** The checkpoint with the new statistics. Default: replace the old one. */
  readonly output?: string;
}

/** Default number of examples in a pass: as many as `train` and `eval` read. */
const EXAMPLES = 10_000;

/** Options that only make sense when statistics are estimated. */
const OF_A_PASS = ["split", "batches", "variance", "output"] as const satisfies readonly (keyof StatsOptions)[];

/** `given` names the options on the command line. */
export async function stats(
  context: Context,
  path: string,
  file: string | undefined,
  options: StatsOptions,
  given: ReadonlySet<string>,
): Promise<ExitCode> {
  const idle = options.estimate || options.drift ? undefined : OF_A_PASS.find((name) => given.has(name));
  if (idle !== undefined)
    throw new Failure(
      "C0301",
      exit.usage,
      `--${idle} says how to estimate, which nothing asks for`,
      "add --estimate or --drift",
    );
  const model = await trainedModel(context.output, path, file, options, given);
  const written = model.settings.output ?? model.checkpoint;
  // Without the lock, a training run could replace the checkpoint while the statistics are being estimated.
  const work = () =>
    withInterrupt(
      context.signals,
      () => context.output.warn("stopping after this batch, nothing is written; Ctrl-C again to stop at once"),
      (interrupt) => statsOf(context, model, interrupt),
    );
  return options.estimate && isOfRun(written) ? withFolderLock(dirname(written), work) : work();
}

async function statsOf(context: Context, model: TrainedModel<StatsOptions>, interrupt: AbortSignal): Promise<ExitCode> {
  const { output } = context;
  const options = model.settings;
  const before = await loadCheckpoint(model.checkpoint);
  const streamed = { ...options, streams: options.batch };
  const task = await openTrainedTask(context, streamed, model.checkpoint, before);
  if (options.drift && task.carry !== undefined)
    throw new Failure(
      "C0301",
      exit.usage,
      "--drift measures batches by their own statistics, each from the beginning, and with --carry batches go on from each other",
      "cellc eval measures with the stored statistics, and with new ones by --stats exact",
    );
  if (options.drift) return drift(context, model, before, task, interrupt);
  const { plan, norms, state } = options.estimate
    ? await estimated(context, model, before, task, interrupt)
    : { ...(await compiled(context, model, before, task)), state: before };
  const differences = compareState(state, plan, keptTensors(plan), allowed(options));
  sayOtherEquations(model.checkpoint, differences, output);
  const { counters } = state;
  const statistics = statisticsIn(state, plan, norms);
  const findings = findingsOf(statistics);
  const summaries = statistics.map(summarise);
  const provenance = provenanceOf(plan, counters);
  if (statistics.length === 0) {
    output.say(`${plan.name} has no population statistics: no norm in it has a stat`);
  } else {
    output.say(
      `${output.colors.bold(plan.name)} after ${counters.step} steps; statistics: ${provenanceText(provenance)}\n`,
    );
    sayStatistics(summaries, output);
    sayFindings(findings, statistics, output);
  }
  if (options.plot !== undefined && statistics.length > 0) {
    const title = `Population statistics: ${plan.name} on ${task.name}`;
    const subtitle = `after ${counters.step} training steps; ${provenanceText(provenance)}`;
    await writeAtomically(options.plot, drawStatistics(statistics, { title, subtitle, steps: task.steps }));
    output.say(`\n${options.plot}`);
  }
  output.result({
    ok: true,
    model: plan.name,
    step: counters.step,
    provenance,
    statistics: summaries,
    findings,
  });
  return exit.ok;
}

const statisticsIn = ({ counters, tensors }: SessionState, plan: Plan, norms: Norms) =>
  statisticsOf(plan, norms, counters, (name) => tensors.get(name)?.data ?? new Float32Array());

/** Compiles the plan that the checkpoint should belong to. */
async function compiled(
  context: Context,
  model: TrainedModel<StatsOptions>,
  state: SessionState,
  task: Task,
): Promise<{ readonly plan: Plan; readonly norms: Norms }> {
  const request = requestFor(model, state);
  const compilation = await compileFile(
    {
      ...request,
      ...modelAround(request, task),
      carry: task.carry !== undefined,
      suggested: task.dims,
      time: task.steps,
      entries: trainingEntries,
    },
    context,
  );
  return { plan: compilation.executable.plan, norms: compilation };
}

/** A request to compile the checkpoint's model, with its optimiser. */
const requestFor = ({ file, settings }: TrainedModel<StatsOptions>, state: SessionState) => ({
  ...settings,
  optimizer: optimizerOf(state, settings.optimizer),
  file,
  quiet: true,
});

/** Re-estimates the statistics and writes the checkpoint with them. */
async function estimated(
  context: Context,
  model: TrainedModel<StatsOptions>,
  before: SessionState,
  task: Task,
  interrupt: AbortSignal,
): Promise<{ readonly plan: Plan; readonly norms: Norms; readonly state: SessionState }> {
  const { variance, output: elsewhere = model.checkpoint } = model.settings;
  return withModel(context, model, before, task, async ({ plan, norms, session }) => {
    const pass = dataPass(model, task);
    await withProgress(pass, "estimating", context.output, interrupt, (batches) =>
      session.estimate(batches, { variance, carry: task.carry }),
    );
    const state = await session.state();
    await saveCheckpoint(elsewhere, state);
    context.output.say(`${elsewhere}: statistics of ${pass.count} batches of ${pass.split}`);
    return { plan, norms, state };
  });
}

/** Compares the stored statistics with new ones, and the model's results with each. The checkpoint stays unchanged. */
async function drift(
  context: Context,
  model: TrainedModel<StatsOptions>,
  before: SessionState,
  task: Task,
  interrupt: AbortSignal,
): Promise<ExitCode> {
  const { output } = context;
  const { variance, batch, noise } = model.settings;
  return withModel(context, model, before, task, async ({ plan, norms, session }) => {
    const pass = dataPass(model, task);
    const held = passOver(task, task.splits.validation > 0 ? "validation" : "test", batch, pass.count * batch);
    const measure = (words: string, statistics?: StatisticsMode) =>
      withProgress(held, words, output, interrupt, (batches) => session.evaluate(batches, { noise, statistics }));
    const stored = await measure("with stored statistics");
    await withProgress(pass, "estimating", output, interrupt, (batches) => session.estimate(batches, { variance }));
    const fresh = await measure("with estimated statistics");
    const drifts = driftOf(statisticsIn(before, plan, norms), statisticsIn(await session.state(), plan, norms));
    const own = await measure("with the batches' own", "batch");
    const measured: Measured = { split: held.split, stored, estimated: fresh, batch: own };
    const provenance = provenanceOf(plan, before.counters);
    output.say(`${output.colors.bold(plan.name)} after ${session.step} steps; stored: ${provenanceText(provenance)}`);
    output.say(`against ${pass.count} batches of ${pass.split}\n`);
    sayDrift(drifts, measured, provenance, output);
    output.result({
      ok: true,
      model: plan.name,
      step: session.step,
      provenance,
      batches: pass.count,
      drifts,
      lagging: lagging(drifts).map(({ site }) => site),
      measured,
    });
    return exit.ok;
  });
}

function dataPass({ settings: { split, batch, batches } }: TrainedModel<StatsOptions>, task: Task): Pass {
  return passOver(task, split, batch, batches === undefined ? EXAMPLES : batches * batch);
}

/** Opens a checkpoint's model in its own session. Throws C0406 for a model without statistics and C0403 for another model. */
async function withModel<T>(
  context: Context,
  model: TrainedModel<StatsOptions>,
  state: SessionState,
  task: Task,
  work: (learner: OpenLearner) => Promise<T>,
): Promise<T> {
  const { checkpoint, settings } = model;
  const backend = await openBackend(settings.target, settings.threads);
  try {
    const opened = await openLearner(requestFor(model, state), task, undefined, backend, context);
    sayOtherEquations(checkpoint, await opened.session.restore(state, allowed(settings)), context.output);
    if (!hasStatistics(opened.plan))
      throw new Failure(
        "C0406",
        exit.input,
        `${opened.plan.name} has no population statistics to estimate`,
        "only norms over examples have: batch, batch_renorm, sequence, and your own with a stat",
      );
    return await work(opened);
  } finally {
    backend.close();
  }
}
