/** Writes what a run needs to go on in PyTorch, beside the printed module: a training script, the last checkpoint, the data, a README. */
import { copyFile } from "node:fs/promises";
import { basename, dirname, join } from "node:path";
import { decayedParameters } from "../../compiler/decayed-parameters.ts";
import type { Graph, Op, Value } from "../../compiler/ir/types.ts";
import { moduleForm } from "../../compiler/module-form.ts";
import { readOptimizer } from "../../compiler/optimizers.ts";
import { reads } from "../../compiler/passes/rewrite.ts";
import { mainAxis, noAxis } from "../../runtime/batch.ts";
import { keptTensors } from "../../runtime/layout.ts";
import type { Plan } from "../../runtime/plan.ts";
import { compareState } from "../../runtime/state.ts";
import type { PytorchModule } from "../../targets/pytorch/module.ts";
import type { Context } from "../context.ts";
import { openTrainedTask } from "../data/settings.ts";
import type { Task } from "../data/task.ts";
import { exit, Failure } from "../failure.ts";
import { bytesText } from "../output.ts";
import { writeAtomically } from "../report/files.ts";
import { scheduleText } from "../schedule.ts";
import { isOfRun } from "../statistics/trained-model.ts";
import { compileFile, trainingEntries } from "../toolchain.ts";
import { allowed, loadCheckpoint } from "../training/checkpoint.ts";
import { isRagged, stepsPerEpoch } from "../training/order.ts";
import { RunFolder, type RunRecord, runPaths } from "../training/run-folder.ts";
import { elaborateModel, modelAround } from "../training/task-model.ts";
import { exampleBytes, writeExamples } from "./example-files.ts";
import type { ModelToExport } from "./formats.ts";
import { trainingReadme } from "./training/readme.ts";
import { spelledSchedule } from "./training/schedules.ts";
import { type MeanOver, trainScript } from "./training/script.ts";

/** What is said of it on the command line. */
export interface TrainingExport {
  /** The file of the printed module in the folder, without `.py`. */
  readonly module: string;
  /** Whether the examples are written, too. */
  readonly examples: boolean;
  /** The most bytes of them. */
  readonly limit: number;
}

/** The most bytes of examples that are written if nothing else is said. */
export const DEFAULT_LIMIT = 2 * 1024 ** 3;

/**
 * Writes the files into the folder of the export, and returns their names. Throws C0301 for a checkpoint in no run, whose training is not
 * known, and for a run that is told what the training script cannot do; C0406 for more examples than `limit` has room for; C0403 and C0409.
 */
export async function trainingFiles(
  context: Pick<Context, "environment" | "output">,
  model: ModelToExport,
  printed: PytorchModule,
  { module, examples, limit }: TrainingExport,
): Promise<readonly string[]> {
  const { out } = model.settings;
  const { record, folder } = await runOf(model.checkpoint);
  const options = record.options;
  const checkpoint = runPaths(folder).model;
  const state = await loadCheckpoint(checkpoint);
  refuseUnsaid(options);
  const { settings } = model;
  // What the command line says of the model and of the data goes before what the run was told.
  const request = {
    ...settings,
    ...{ file: model.file, batch: options.batch ?? record.batch, optimizer: options.optimizer },
  };
  const task = await openTrainedTask(context, settings, checkpoint, state);
  if (state.carried !== undefined || options.own?.carry === true || task.carry !== undefined)
    throw refused(
      "--carry, where batches go on from each other",
      "train on whole sequences, or windows without --carry",
    );
  if (task.inEpoch !== undefined)
    throw refused("examples that each epoch draws anew (--random-offset)", "train on the same windows in each epoch");
  const around = modelAround(request, model.task);
  const ragged = request.ragged || isRagged(task);
  const { executable } = await compileFile(
    {
      ...request,
      ...around,
      ...{ ragged, target: options.target ?? "wasm", suggested: model.task.dims, time: model.task.steps },
      ...{ entries: trainingEntries, quiet: true, tuned: false, schedule: undefined },
    },
    context,
  );
  const { plan } = executable;
  const kept = keptTensors(plan);
  compareState(state, plan, kept, allowed(settings));
  refuseAxes(plan);
  if (request.batch === 1 && kept.some(({ kind }) => kind === "stat"))
    throw refused("--batch 1 of a model with norms over the batch", "train with a larger --batch");
  const { graph } = elaborateModel(request, model.task).elaborated;
  const optimizer = readOptimizer(options.optimizer);
  const names = new Map(
    kept.flatMap(({ name, kind }) => {
      if (kind === "slot") return [];
      const path = printed.paths.get(name);
      if (path === undefined) throw new Error(`the printed module has no ${name}`);
      return [[name, path.join(".")] as const];
    }),
  );
  const trained = kept.flatMap(({ name, kind, tensor: { role } }) =>
    kind === "param" && role.kind === "param" && !role.constant ? [name] : [],
  );
  const sites = sitesOf(graph);
  const measures = measuresOf(plan);
  const { accumulate = 1 } = options;
  if (accumulate > 1 && [...measures.values()].includes(undefined))
    throw refused(
      "--accumulate of a loss or metric that is no mean over examples or steps",
      "on several processes, a larger --batch takes no more memory",
    );
  const heads = kept.flatMap(({ name, kind }) =>
    kind === "stat" && sites.heads.includes(siteOf(name)) ? [printed.paths.get(name)!.slice(0, -1).join(".")] : [],
  );
  const inputs = [...printed.inputs].map(([name, argument]) => ({ name, argument, input: task.inputs[name] }));
  const reached = reachedBy(graph);
  const script = trainScript({
    ...{ module, className: printed.className, names, trained, heads: [...new Set(heads)], optimizer },
    decayed: decayedParameters(graph, optimizer),
    unused: trained.some((name) => !reached.has(name)),
    ...{ lr: options.lr ?? 1e-3, schedule: options.decay ?? "none", warmup: options.warmup ?? 0, clip: options.clip },
    ...{ momentum: options.momentum ?? 0.1, batch: request.batch, steps: options.steps, epochs: options.epochs ?? 1 },
    ...{ accumulate, average: options.ema, evaluateEvery: options.evaluateEvery },
    estimate: options.stats === "ema" ? undefined : (options.estimate ?? 10_000),
    ...{ seed: record.seed, time: task.steps, measures },
    inputs: new Map(inputs.map(({ argument, input: { kind, time } }) => [argument, { kind, time }])),
  });
  const files = ["train.py", "start.safetensors", "README.md"];
  if (examples) await checkSize(task, inputs, limit);
  await writeAtomically(join(out, "train.py"), script);
  await copyFile(checkpoint, join(out, "start.safetensors"));
  if (examples)
    for (const split of ["train", "validation"] as const) {
      const file = join("data", `${split}.safetensors`);
      await writeExamples(join(out, file), task, split, new Map(inputs.map(({ name, argument }) => [name, argument])));
      files.push(file);
    }
  const left = leftOut(options);
  for (const line of left) context.output.warn(line);
  const readme = trainingReadme({
    ...{
      module,
      className: printed.className,
      run: folder,
      out,
      step: state.counters.step,
      hasExamples: examples,
      left,
    },
    ...{ perEpoch: Math.max(1, Math.round(stepsPerEpoch(task, request.batch) / accumulate)), ...sites },
  });
  await writeAtomically(join(out, "README.md"), readme);
  return files;
}

/** The run that a checkpoint is of. Throws C0301 if it stands in none. */
async function runOf(checkpoint: string): Promise<{ readonly record: RunRecord; readonly folder: string }> {
  const folder = dirname(checkpoint);
  const record = isOfRun(checkpoint) ? await new RunFolder(folder).read() : undefined;
  if (record !== undefined) return { record, folder };
  throw new Failure(
    "C0301",
    exit.usage,
    `${basename(checkpoint)} stands in no folder of a run, so nothing says how it is trained`,
    "name the folder of a run; or leave --distributed out, and write a loop of your own",
  );
}

const refused = (what: string, help: string): Failure =>
  new Failure(
    "C0301",
    exit.usage,
    `the run uses ${what}, which train.py cannot do`,
    `${help}; or leave --distributed out`,
  );

/** Throws C0301 for what changes the numbers of a training, and is not written in PyTorch. */
function refuseUnsaid({ decay = "none", noise }: RunRecord["options"]): void {
  if (noise === "drawn") throw refused("--noise drawn in evaluations", "train with --noise mean");
  if (spelledSchedule(decay) === undefined)
    throw refused(
      `--decay ${scheduleText(decay)}, which depends on evaluations`,
      "take a schedule of steps, such as --decay cosine",
    );
}

/** What the run was told besides, and does not change a step. */
const leftOut = ({ patience, maxTime, tensorboard, test, bestBy }: RunRecord["options"]): readonly string[] => [
  ...(patience === undefined ? [] : ["`--patience`: train.py trains all of its steps."]),
  ...(maxTime === undefined ? [] : ["`--max-time`: train.py trains all of its steps."]),
  ...(tensorboard === undefined ? [] : ["`--tensorboard`: train.py writes `curve.jsonl`."]),
  ...(test ? ["`--test`: train.py measures on validation examples only; cellc eval on test examples."] : []),
  ...(bestBy === undefined || bestBy.metric === "loss"
    ? []
    : [`\`--best-by ${bestBy.metric}\`: train.py keeps the last checkpoint.`]),
];

/** Throws C0301 for several time axes. */
function refuseAxes(plan: Plan): void {
  const named = Object.values(plan.entries)
    .flatMap(({ tensors }) => tensors)
    .find(({ axis = mainAxis }) => axis !== mainAxis && axis !== noAxis);
  if (named !== undefined) throw refused(`a second time axis, ${named.axis}`, "write a loop of your own");
}

/** What the loss and each metric of the plan is a mean over. */
function measuresOf(plan: Plan): ReadonlyMap<string, MeanOver> {
  const tensors = plan.entries.infer?.tensors ?? [];
  const inTerms = tensors.some(({ role }) => role.kind === "loss_term");
  return new Map(
    tensors.flatMap(({ name, role }): [string, MeanOver][] => {
      if (role.kind !== "loss" && role.kind !== "metric") return [];
      const over = role.over === "weights" || (role.kind === "loss" && inTerms) ? undefined : role.over;
      return [[role.kind === "loss" ? "loss" : name, over]];
    }),
  );
}

/** The parameters that the loss depends on, other than through what stops gradients. A loop counts as a whole. */
function reachedBy(graph: Graph): ReadonlySet<string> {
  const found = new Set<string>();
  const visit = (ops: readonly Op[], ends: readonly Value[]): void => {
    const needed = new Set(ends);
    for (const op of ops.toReversed()) {
      if (op.op === "stop" || !op.results.some((v) => needed.has(v))) continue;
      if (op.op === "leaf" && op.attrs.leaf.kind === "param") found.add(op.attrs.leaf.name);
      for (const v of reads(op)) needed.add(v);
      if (op.body) visit(op.body.ops, op.body.results);
      const norm = op.op === "site" ? graph.norms.get(op.attrs.name) : undefined;
      if (norm)
        visit(
          norm.ops,
          norm.results.map(({ value }) => value),
        );
    }
  };
  visit(
    graph.ops,
    graph.results.flatMap(({ kind, value }) => (kind === "loss" ? [value] : [])),
  );
  return found;
}

/** Of a norm's tensor: `rnn/hh` of `rnn/hh/m`. */
const siteOf = (name: string): string => name.slice(0, name.lastIndexOf("/"));

interface Sites {
  /** In the recurrence, and outside of it, as the module has them: `rnn.hh`. */
  readonly perStep: readonly string[];
  readonly atOnce: readonly string[];
  /** Of values that are over no time axis, as checkpoints have them: `z`. */
  readonly heads: readonly string[];
}

/** The sites of norms with statistics. */
function sitesOf(graph: Graph): Sites {
  const form = moduleForm(graph).graph;
  const [perStep, atOnce, heads] = [new Set<string>(), new Set<string>(), new Set<string>()];
  const visit = (ops: readonly Op[], inLoop: boolean): void => {
    for (const op of ops) {
      if (op.body) visit(op.body.ops, true);
      if (op.op !== "site" || !form.norms.get(op.attrs.name)?.ops.some((own) => own.op === "stat")) continue;
      const { name } = op.attrs;
      (inLoop ? perStep : atOnce).add(name.replaceAll("/", "."));
      if (!inLoop && !op.operands[0].type.time) heads.add(name);
    }
  };
  visit(form.ops, false);
  return { perStep: [...perStep], atOnce: [...atOnce], heads: [...heads] };
}

/** Throws C0406 if the examples take more than `limit` bytes. */
async function checkSize(task: Task, inputs: readonly { readonly name: string }[], limit: number): Promise<void> {
  const names = inputs.map(({ name }) => name);
  const size = exampleBytes(task, "train", names) + exampleBytes(task, "validation", names);
  if (size <= limit) return;
  throw new Failure(
    "C0406",
    exit.input,
    `the examples of ${task.name} take ${bytesText(size)}, more than ${bytesText(limit)}`,
    "allow more: --examples-limit; or --no-examples, and read the data in a class Examples of your own",
  );
}
