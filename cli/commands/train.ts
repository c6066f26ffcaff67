/** `cellc train`: trains a model on a task and keeps the run in a folder. */

import { existsSync } from "node:fs";
import type { Criterion } from "../../runtime/fit/progress.ts";
import { refuseSingleExample } from "../../runtime/single-example.ts";
import type { Context } from "../context.ts";
import { carryWords } from "../data/carry.ts";
import { isBuiltIn, openTaskWith, type TaskSettings, withTaskFile } from "../data/settings.ts";
import { seededStreams } from "../data/streams.ts";
import type { Task, TaskForm } from "../data/task.ts";
import { largestBatch } from "../data/time-axes.ts";
import { type ExitCode, exit, Failure } from "../failure.ts";
import { machineFacts } from "../machine-facts.ts";
import { optimizerText } from "../optimizer.ts";
import { formatSeconds } from "../output.ts";
import { readSource } from "../read-source.ts";
import type { EvaluationPoint } from "../report/curve-log.ts";
import { scheduleText } from "../schedule.ts";
import { provenanceOf, provenanceWarning } from "../statistics/provenance.ts";
import type { TargetName } from "../targets.ts";
import { type ModelOptions, openBackend } from "../toolchain.ts";
import { requireExamples } from "../training/batches.ts";
import { allowed, type CheckpointOptions, loadCheckpoint } from "../training/checkpoint.ts";
import { Interrupted, withInterrupt } from "../training/interrupt.ts";
import type { Measures } from "../training/learner.ts";
import { openLearner } from "../training/open-learner.ts";
import { stepsPerEpoch } from "../training/order.ts";
import { checkSameExamples, goOn, resumedRun } from "../training/resumed-run.ts";
import { RunFolder, type RunRecord } from "../training/run-folder.ts";
import { RunLog } from "../training/run-log.ts";
import { type TrainingSettings, trainingOptions } from "../training/settings.ts";
import { modelAround } from "../training/task-model.ts";
import { type Ending, evaluate, train } from "../training/train.ts";
import { trivialBaseline, trivialText } from "../training/trivial.ts";

export interface TrainCommandOptions extends ModelOptions, TaskSettings, TrainingSettings, CheckpointOptions {
  readonly target: TargetName;
  readonly threads?: number;
  readonly epochs: number;
  readonly steps?: number;
  /** Seconds. */
  readonly maxTime?: number;
  readonly patience?: number;
  readonly minDelta: number;
  readonly bestBy: Pick<Criterion, "direction"> & Pick<Required<Criterion>, "metric">;
  /** Measure the best checkpoint on the test examples, too. */
  readonly test?: boolean;
  /** The folder for TensorBoard. */
  readonly tensorboard?: string;
  /** Required, unless `resume` names the folder. */
  readonly out?: string;
  /** Continue the run in `out`; or the run in this folder, with its options. */
  readonly resume?: boolean | string;
}

/** With the folder of the run. */
interface RunOptions extends TrainCommandOptions {
  readonly out: string;
}

/** `given` names the options on the command line: others are those of a run that is resumed by its folder. */
export async function trainCommand(
  context: Context,
  file: string | undefined,
  given: TrainCommandOptions,
  names: ReadonlySet<string>,
): Promise<ExitCode> {
  const resumed = typeof given.resume === "string" ? await resumedRun(given.resume, given, names) : undefined;
  const options = resumed?.options ?? given;
  const cell = file ?? resumed?.file;
  const { out } = options;
  if (cell === undefined || out === undefined)
    throw new Failure(
      "C0301",
      exit.usage,
      cell === undefined ? "no .cell file is given" : "nothing says where the run goes",
      cell === undefined ? "name one; or continue a run: cellc train --resume runs/a" : "name a folder: --out runs/a",
    );
  checkOptions(options);
  const folder = new RunFolder(out);
  const seed = resumed !== undefined && !names.has("seed") ? resumed.seed : context.seed;
  return folder.withLock(() => trainInto(folder, { ...context, seed }, cell, { ...options, out }));
}

/** Throws C0301 for options that do not go together. */
function checkOptions({ allowOtherEquations, resume, ema, stats, patience, minDelta }: TrainCommandOptions): void {
  const refuse = (what: string, help: string) => new Failure("C0301", exit.usage, what, help);
  if (allowOtherEquations && !resume)
    throw refuse("--allow-other-equations is about a checkpoint", "add --resume, which reads one");
  if (ema !== undefined && stats === "ema")
    throw refuse("--stats ema has the statistics of the weights, not of their average", "leave --stats out, or --ema");
  if (patience === undefined && minDelta > 0)
    throw refuse("--min-delta says what counts as better for --patience", "add --patience N");
}

async function trainInto(folder: RunFolder, context: Context, file: string, given: RunOptions): Promise<ExitCode> {
  const { output, seed } = context;
  // Report problems with the folder before compiling anything.
  const previous = await folder.begin(given.resume !== undefined && given.resume !== false);
  const said = await withTaskFile(given);
  const task = await openTaskWith(context, { ...said, streams: said.batch });
  const { carry } = task;
  if (carry !== undefined) output.say(carryWords(carry));
  const options = carry ? { ...said, own: { ...said.own, carryStatistics: carry.statistics } } : said;
  if (options.test) requireExamples(task, "test");
  const backend = await openBackend(options.target, options.threads);
  try {
    const request = { ...options, file };
    const opened = await openLearner(request, task, "validation", backend, context);
    const { plan, session, learner } = opened;
    // An evaluation needs statistics. Report the error before an epoch is trained in vain.
    refuseSingleExample(plan, largestBatch(task, options.batch), options.stats === "exact");
    const identity = { model: plan.name, task: task.name, batch: options.batch, seed };
    if (previous !== undefined) {
      folder.checkIdentity(previous, identity);
      checkSameExamples(previous.options.own, options.own, options.out);
    }
    await folder.clear();
    const start =
      previous === undefined ? { seconds: 0, history: [] } : await goOn(folder, opened, task, options, output);

    const perEpoch = stepsPerEpoch(task, options.batch) / (options.accumulate ?? 1);
    const steps = options.steps ?? Math.max(1, Math.ceil(options.epochs * perEpoch));
    const first = learner.step;
    const started = previous?.started ?? new Date().toISOString();
    let { result, best } = previous ?? {};
    let compared = false;
    const machine = await machineFacts(options.target);
    const record = (status: RunRecord["status"], more: Pick<RunRecord, "test" | "stopped"> = {}): RunRecord => ({
      format: 1,
      status,
      ...identity,
      options: { file, ...options, seed },
      machine,
      started,
      ended: status === "running" ? undefined : new Date().toISOString(),
      step: learner.step,
      ...((options.task === undefined || !isBuiltIn(options.task)) && { form: formOf(task) }),
      result,
      best,
      ...more,
    });
    await folder.write(record("running"));

    const log = new RunLog(
      folder,
      wordsOf(plan.name, task, options, seed),
      start.seconds,
      await eventsOf(options, first),
    );
    const progress = output.progress(Math.max(0, steps - first), "steps");
    const loop = trainingOptions(options, {
      steps,
      evaluateEvery: options.evaluateEvery ?? Math.max(1, Math.round(perEpoch)),
      evaluateOn: "validation",
      best: { ...options.bestBy, minDelta: options.minDelta },
      patience: options.patience,
      maxSeconds: options.maxTime,
      ...start,
    });
    const { ending, last } = await withInterrupt(
      context.signals,
      () => progress.interject("stopping after this step; Ctrl-C again to stop at once, without saving"),
      async (interrupt) => {
        const { ending, state } = await train(learner, task, loop, seededStreams(seed), interrupt, {
          async onStep(point) {
            await log.step(point);
            progress.update(point.step - first, `epoch ${point.epoch}  loss ${point.loss.toFixed(4)}`);
          },
          async onEvaluation(point, fitted) {
            result = { loss: point.loss, ...point.metrics };
            if (fitted.best) best = { step: point.step, ...result };
            await log.evaluation(point, fitted);
            await folder.write(record("running"));
            progress.interject(evaluationWords(point));
            if (!compared) await sayTrivial(request, task, plan.name, interrupt, (words) => progress.interject(words));
            compared = true;
          },
          onWarning: ({ step, message }) => progress.interject(`step ${step}: ${message}`),
        });
        await log.finish();
        if (ending.kind === "interrupted") await log.save(await state());
        const stopped = ending.kind === "stopped" && ending.why !== "asked" ? ending.why : undefined;
        const isOver = ending.kind === "finished" || ending.kind === "stopped";
        const last = record(isOver ? "finished" : ending.kind, { stopped });
        await folder.write(last);
        return { ending, last };
      },
    ).finally(() => progress.stop());
    const isOver = ending.kind === "finished" || ending.kind === "stopped";
    if (!isOver || !options.test) {
      const provenance = provenanceOf(plan, (await session.state()).counters);
      const warning = isOver && options.ema === undefined ? provenanceWarning(provenance, options.out) : undefined;
      if (warning !== undefined) output.warn(warning);
      return finish(context, folder, ending, last);
    }
    const measures = await testOf(folder, { ...request, quiet: true }, task, context);
    if (measures === undefined) {
      output.say("trained, and stopped before the test examples were measured; --resume measures them");
      output.result({ ok: false, ...last });
      return exit.interrupted;
    }
    const tested = { ...last, test: { loss: measures.loss, ...measures.metrics } };
    await folder.write(tested);
    return finish(context, folder, ending, tested);
  } finally {
    backend.close();
  }
}

/** The part of a task that a model must fit. */
const formOf = ({ name, inputs, dims, steps }: Task): TaskForm => ({ name, inputs, dims, steps });

/** Says what a prediction gets on the validation examples that learns nothing, if that is known of the model's loss or metrics. */
async function sayTrivial(
  request: ModelOptions & { readonly file: string },
  task: Task,
  entry: string,
  signal: AbortSignal,
  say: (words: string) => void,
): Promise<void> {
  const { file } = request;
  const text = modelAround(request, task)?.host.read(file) ?? readSource(file);
  try {
    const trivial = await trivialBaseline({ file, text, entry }, task, "validation", signal);
    if (trivial !== undefined) say(`without learning: ${trivialText(trivial)}`);
  } catch (error) {
    if (!signal.aborted) throw error;
  }
}

/** Loads TensorBoard's writer, if it is asked for. */
async function eventsOf({ tensorboard }: TrainCommandOptions, step: number) {
  if (tensorboard === undefined) return undefined;
  const { EventWriter } = await import("../report/tensorboard.ts");
  return new EventWriter(tensorboard, step);
}

/** Measures the best checkpoint on the test examples; undefined if it was interrupted. */
async function testOf(
  folder: RunFolder,
  request: Parameters<typeof openLearner>[0] & Pick<TrainCommandOptions, "threads" | "target" | "allowOtherEquations">,
  task: Task,
  context: Context,
): Promise<Measures | undefined> {
  const { best, model } = folder.files;
  const backend = await openBackend(request.target, request.threads);
  try {
    const { session, learner } = await openLearner(request, task, "test", backend, context);
    const state = await loadCheckpoint(existsSync(best) ? best : model);
    await session.restore(state, allowed(request));
    const how = { statistics: "ema", batch: request.batch, estimateExamples: 0, evaluateOn: "test" } as const;
    const measures = await withInterrupt(
      context.signals,
      () => context.output.warn("stopping after this batch; Ctrl-C again to stop at once"),
      (interrupt) => evaluate(learner, task, how, interrupt),
    );
    if (!Number.isFinite(measures.loss))
      throw new Failure("C0502", exit.diverged, "the loss on the test examples is no finite number");
    context.output.say(`test, at step ${state.counters.step}: ${measuresText(measures)}`);
    return measures;
  } catch (error) {
    if (error instanceof Interrupted) return undefined;
    throw error;
  } finally {
    backend.close();
  }
}

function wordsOf(name: string, task: Task, options: TrainCommandOptions, seed: number) {
  const { batch, accumulate = 1, optimizer, lr, decay, ema } = options;
  const rate = `learning rate ${lr}${decay === "none" ? "" : ` (${scheduleText(decay)})`}`;
  const parts = [
    `batch ${accumulate > 1 ? `${accumulate} × ` : ""}${batch}`,
    optimizerText(optimizer),
    rate,
    ...(ema === undefined ? [] : [`weights averaged (${ema})`]),
    `seed ${seed}`,
  ];
  return { title: `${name} on ${task.name}`, subtitle: `${task.summary}; ${parts.join(", ")}`, name };
}

function finish({ output }: Context, { path, files }: RunFolder, ending: Ending, record: RunRecord): ExitCode {
  switch (ending.kind) {
    case "finished":
    case "stopped": {
      const why = { patience: "no evaluation was better for long enough", time: "the time is over", asked: "as asked" };
      const early = ending.kind === "stopped" ? `: ${why[ending.why]}` : "";
      output.say(`finished after ${record.step} steps${early}; ${path} holds the curve and the model`);
      if (record.best !== undefined && record.best.step < record.step)
        output.say(`the best is that of step ${record.best.step}: ${files.best}`);
      output.result({ ok: true, ...record });
      return exit.ok;
    }
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
        "use a smaller --lr, or --clip 1; norms behind constant first steps need a noisy initial state",
      );
    }
    default:
      return ending satisfies never;
  }
}

/** `loss 0.2134, accuracy 0.9361` */
const measuresText = ({ loss, metrics }: Measures): string =>
  Object.entries({ loss, ...metrics })
    .map(([name, value]) => `${name} ${value.toFixed(4)}`)
    .join(", ");

/** `epoch 2, step 1562: validation loss 0.2134, accuracy 0.9361 (52s)` */
const evaluationWords = (point: EvaluationPoint): string =>
  `epoch ${point.epoch}, step ${point.step}: validation ${measuresText(point)} (${formatSeconds(point.seconds)})`;
