/** `cellc train`: trains a model on a task and keeps the run in a folder. */

import { existsSync } from "node:fs";
import { refuseSingleExample } from "../../runtime/single-example.ts";
import type { Context } from "../context.ts";
import { type DataSettings, openTaskWith } from "../data/settings.ts";
import { seededStreams } from "../data/streams.ts";
import { type ExitCode, exit, Failure } from "../failure.ts";
import { machineFacts } from "../machine-facts.ts";
import { optimizerText } from "../optimizer.ts";
import { formatSeconds } from "../output.ts";
import type { CurvePoint, EvaluationPoint } from "../report/curve-log.ts";
import { provenanceOf, provenanceWarning } from "../statistics/provenance.ts";
import type { TargetName } from "../targets.ts";
import { type ModelOptions, openBackend } from "../toolchain.ts";
import { stepsPerEpoch } from "../training/batches.ts";
import { allowed, type CheckpointOptions, loadCheckpoint, sayOtherEquations } from "../training/checkpoint.ts";
import { withInterrupt } from "../training/interrupt.ts";
import { openLearner } from "../training/open-learner.ts";
import { RunFolder, type RunRecord } from "../training/run-folder.ts";
import { type TrainingSettings, trainingOptions } from "../training/settings.ts";
import { type Ending, train } from "../training/train.ts";

export interface TrainCommandOptions extends ModelOptions, DataSettings, TrainingSettings, CheckpointOptions {
  readonly task: string;
  readonly target: TargetName;
  readonly threads?: number;
  readonly epochs: number;
  readonly steps?: number;
  readonly out: string;
  readonly resume?: boolean;
}

export async function trainCommand(context: Context, file: string, options: TrainCommandOptions): Promise<ExitCode> {
  if (options.allowOtherEquations && !options.resume)
    throw new Failure(
      "C0301",
      exit.usage,
      "--allow-other-equations is about a checkpoint",
      "add --resume, which reads one",
    );
  const folder = new RunFolder(options.out);
  return folder.withLock(() => trainInto(folder, context, file, options));
}

async function trainInto(
  folder: RunFolder,
  context: Context,
  file: string,
  options: TrainCommandOptions,
): Promise<ExitCode> {
  const { output, seed } = context;
  // Report problems with the folder before compiling anything.
  const previous = await folder.begin(options.resume ?? false);
  const task = await openTaskWith(context, options.task, options);
  const evaluateOn = options.validation ? "validation" : "test";
  const backend = await openBackend(options.target, options.threads);
  try {
    const request = { ...options, file };
    const { plan, session, learner, metric } = await openLearner(request, task, evaluateOn, backend, context);
    // An evaluation needs statistics. Report the error before an epoch is trained in vain.
    refuseSingleExample(
      plan,
      { examples: options.batch, axes: { time: { steps: task.steps } } },
      options.stats === "exact",
    );
    const identity = { model: plan.name, task: task.name, batch: options.batch, seed };
    if (previous !== undefined) folder.checkIdentity(previous, identity);
    const { model, curve: curveFile } = folder.files;
    await folder.clear();
    let before = 0;
    let evaluated: number | undefined;
    if (previous !== undefined) {
      if (existsSync(model)) {
        const differences = await session.restore(await loadCheckpoint(model), allowed(options));
        sayOtherEquations(model, differences, output);
      }
      const curve = await folder.rewindCurve(learner.step);
      before = curve.points.at(-1)?.seconds ?? 0;
      evaluated = curve.points.findLast(({ kind }) => kind === "evaluation")?.step;
      if (curve.cut > 0) output.warn(`${curveFile}: the last line was cut short, and is left out`);
      output.say(`going on after step ${learner.step}`);
    }

    const perEpoch = stepsPerEpoch(task, options.batch);
    const steps = options.steps ?? Math.ceil(options.epochs * perEpoch);
    const first = learner.step;
    const started = previous?.started ?? new Date().toISOString();
    let result = previous?.result;
    const machine = await machineFacts(options.target);
    const record = (status: RunRecord["status"]): RunRecord => ({
      format: 1,
      status,
      ...identity,
      options: { file, ...options, seed },
      machine,
      started,
      ended: status === "running" ? undefined : new Date().toISOString(),
      step: learner.step,
      result,
    });
    await folder.write(record("running"));

    const words = {
      title: `${plan.name} on ${task.name}`,
      subtitle: `${task.summary}; batch ${options.batch}, ${optimizerText(options.optimizer)}, learning rate ${options.lr}, seed ${seed}`,
      name: plan.name,
      metric,
    };
    const points: CurvePoint[] = [];
    const progress = output.progress(Math.max(0, steps - first), "steps");
    const ending = await withInterrupt(
      context.signals,
      () => progress.interject("stopping after this step; Ctrl-C again to stop at once, without saving"),
      async (interrupt) => {
        const ending = await train(
          learner,
          task,
          trainingOptions(options, { steps, evaluateEvery: options.evaluateEvery ?? perEpoch, evaluateOn, evaluated }),
          seededStreams(seed),
          interrupt,
          {
            onStep(point) {
              points.push({ ...point, seconds: before + point.seconds });
              progress.update(point.step - first, `epoch ${point.epoch}  loss ${point.loss.toFixed(4)}`);
            },
            async onEvaluation(point) {
              points.push({ ...point, seconds: before + point.seconds });
              result = { loss: point.loss, ...point.metrics };
              // The curve first: resuming drops points after the checkpoint, but it could not restore missing ones.
              await folder.extendCurve(points.splice(0), words);
              await learner.save(model);
              await folder.write(record("running"));
              progress.interject(evaluationWords(point, evaluateOn));
            },
          },
        );
        await folder.extendCurve(points.splice(0), words);
        if (ending.kind === "interrupted") await learner.save(model);
        await folder.write(record(ending.kind));
        return ending;
      },
    ).finally(() => progress.stop());
    const provenance = provenanceOf(plan, (await session.state()).counters);
    const warning = ending.kind === "finished" ? provenanceWarning(provenance, options.out) : undefined;
    if (warning !== undefined) output.warn(warning);
    return finish(context, folder, ending, record(ending.kind));
  } finally {
    backend.close();
  }
}

function finish({ output }: Context, { path, files }: RunFolder, ending: Ending, record: RunRecord): ExitCode {
  switch (ending.kind) {
    case "finished":
      output.say(`finished after ${record.step} steps; ${path} holds the curve and the model`);
      output.result({ ok: true, ...record });
      return exit.ok;
    case "interrupted":
      output.say(`stopped and saved after step ${record.step}; go on with --resume`);
      output.result({ ok: false, ...record });
      return exit.interrupted;
    case "diverged": {
      const kept = existsSync(files.model)
        ? `the last good checkpoint in ${path} was kept`
        : "there was no evaluation and no checkpoint before";
      throw new Failure(
        "C0502",
        exit.diverged,
        `${ending.refused ?? `the loss stopped being a number in ${ending.during}, after ${ending.step} steps`}; ${kept}`,
        "use a smaller --lr, or --clip 1; batch norms behind constant first steps need a noisy initial state",
      );
    }
    default:
      return ending satisfies never;
  }
}

/** `epoch 2, step 1562: test loss 0.2134, accuracy 0.9361 (52s)` */
function evaluationWords({ epoch, step, loss, metrics, seconds }: EvaluationPoint, split: string): string {
  const measures = [
    `loss ${loss.toFixed(4)}`,
    ...Object.entries(metrics).map(([name, value]) => `${name} ${value.toFixed(4)}`),
  ];
  return `epoch ${epoch}, step ${step}: ${split} ${measures.join(", ")} (${formatSeconds(seconds)})`;
}
