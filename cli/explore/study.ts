/** Defines an exploration: its rows, the job of each, and what must agree to resume it. */
import { createHash } from "node:crypto";
import type { SourceHost } from "../../compiler/source-host.ts";
import type { Context } from "../context.ts";
import type { TaskSettings } from "../data/settings.ts";
import type { Task } from "../data/task.ts";
import { sayDiagnostics } from "../diagnostics.ts";
import { exit, Failure } from "../failure.ts";
import { optimizerText } from "../optimizer.ts";
import type { Budget } from "../options.ts";
import { packageVersion } from "../package.ts";
import { scheduleText } from "../schedule.ts";
import type { ModelOptions } from "../toolchain.ts";
import { requireExamples } from "../training/batches.ts";
import type { TrainingSettings } from "../training/settings.ts";
import { elaborateModel } from "../training/task-model.ts";
import type { Identity } from "./folder.ts";
import { type RankedBy, rankedBy } from "./measure.ts";
import { placementText } from "./placement.ts";
import type { RowJob } from "./row-worker.ts";
import { checkNames, placementsOf, type Row, type RowOptions, rowsOf, siteNames } from "./rows.ts";
import { type RungShare, rungShares } from "./rungs.ts";
import { withoutUnneededShifts } from "./shifts.ts";

export interface StudyOptions extends ModelOptions, TaskSettings, TrainingSettings, RowOptions {
  readonly budget?: Budget;
  /** The measure to rank by, as `rankedBy` reads it. */
  readonly by?: string;
  /** Rungs of successive halving, of which each keeps one placement in `eta`. */
  readonly rungs: number;
  readonly eta?: number;
  /** Place norms as they are written, with shifts that are not needed. */
  readonly keepShifts?: boolean;
  /** Measure the first placement on the test split at the end. */
  readonly test?: boolean;
}

/** Placements of which a rung keeps one, by default. */
const ETA = 3;

export interface Study {
  readonly rows: readonly Row[];
  readonly by: RankedBy;
  readonly rungs: readonly RungShare[];
  /** The text of the file and the name of the model in it, which may be one that was made around a cell. */
  readonly model: { readonly file: string; readonly text: string; readonly entry: string };
  readonly identity: Identity;
  readonly job: (row: Row) => RowJob;
  readonly title: string;
  /** Task and settings, for the page. */
  readonly facts: readonly string[];
}

/**
 * Reads the exploration that the command line asks for. Throws errors in the text and in the names of sites and norms, and C0406 for a
 * task without validation examples, by which rows are ranked.
 */
export function readStudy(
  context: Pick<Context, "environment" | "output" | "seed">,
  file: string,
  options: StudyOptions,
  task: Task,
): Study {
  requireExamples(task, "validation");
  const read = new Map<string, string>();
  const { elaborated, host, options: chosen, warnings } = elaborateModel({ ...options, file }, task);
  sayDiagnostics(warnings, context.output);
  const placements = placementsOf(options, siteNames(elaborated));
  const texts = recording(host, read);
  checkNames(placements, file, texts, chosen);
  const metrics = elaborated.graph.results.flatMap(({ kind, name }) => (kind === "metric" ? [name] : []));
  const by = rankedBy(options.by, metrics);
  if (options.eta !== undefined && options.rungs === 1)
    throw new Failure("C0301", exit.usage, "--eta says what a rung keeps, and there is one rung", "add --rungs 3");
  const eta = options.eta ?? ETA;
  const rungs = rungShares(placements.length, options.rungs, eta);
  const rows = rowsOf(placements, options.seeds, context.seed, (placement) =>
    options.keepShifts ? placement : withoutUnneededShifts(placement, file, texts, chosen),
  );

  const { entry, place, cell, schedule, tuned, parts, storage } = options;
  const { batch, lr, decay, warmup, optimizer, clip, accumulate, ema } = options;
  const { momentum, stats, estimate, noise, evaluateEvery, memory } = options;
  const { data, offline, time, own } = options;
  const model = { entry, dims: options.dims, place, cell, schedule, tuned, parts, storage };
  const steps = { batch, lr, decay, warmup, optimizer, clip, accumulate, ema };
  const training = { ...steps, momentum, stats, estimate, noise, evaluateEvery, memory };
  return {
    ...{ rows, by, rungs },
    model: { file, text: texts.read(file) ?? "", entry: elaborated.graph.name },
    identity: {
      model: elaborated.graph.name,
      // A hash of every text that was read: the file, its imports, and norms that only rows place.
      text: createHash("sha256")
        .update(JSON.stringify([...read.values()]))
        .digest("hex"),
      cellc: packageVersion(),
      task: task.name,
      placements: placements.map(placementText),
      keepShifts: options.keepShifts ?? false,
      seeds: options.seeds,
      seed: context.seed,
      budget: options.budget,
      // What the rungs choose by; without rungs, a finished exploration can be ranked by something else.
      ...(options.rungs > 1 && { rungs: options.rungs, eta, by }),
      time,
      ...(task.preparation && { own, preparation: task.preparation }),
      ...model,
      dims: { ...elaborated.dims, ...elaborated.numbers },
      ...training,
    },
    job: (row) => ({
      row,
      data: { task: options.task, data, offline, time, own, streams: batch },
      settings: { file, model, training },
      environment: { ...context.environment },
    }),
    title: `${elaborated.graph.name} on ${task.name}`,
    facts: [
      task.summary,
      `batch ${batch}, ${optimizerText(optimizer)}, learning rate ${lr}${decay === "none" ? "" : ` (${scheduleText(decay)})`}, ${clip === undefined ? "gradients not clipped" : `gradients clipped to norm ${clip}`}; ${options.seeds === 1 ? `seed ${context.seed}` : `${options.seeds} seeds from ${context.seed} on`}`,
    ],
  };
}

/** A host that also records the texts it reads, by path. */
const recording = (host: SourceHost, texts: Map<string, string>): SourceHost => ({
  ...host,
  read(path) {
    const text = host.read(path);
    if (text !== undefined) texts.set(path, text);
    return text;
  },
});
