/** Defines an exploration: its rows, the job of each, and what must agree to resume it. */
import { createHash } from "node:crypto";
import type { SourceHost } from "../../compiler/source-host.ts";
import type { Context } from "../context.ts";
import type { TaskSettings } from "../data/settings.ts";
import type { Task } from "../data/task.ts";
import { sayDiagnostics } from "../diagnostics.ts";
import { optimizerText } from "../optimizer.ts";
import type { Budget } from "../options.ts";
import { packageVersion } from "../package.ts";
import { scheduleText } from "../schedule.ts";
import type { ModelOptions } from "../toolchain.ts";
import { requireExamples } from "../training/batches.ts";
import type { TrainingSettings } from "../training/settings.ts";
import { elaborateModel } from "../training/task-model.ts";
import type { Identity } from "./folder.ts";
import type { RowJob } from "./row-worker.ts";
import { checkNames, placementText, type Row, type RowOptions, rowsOf, siteNames } from "./rows.ts";

export interface StudyOptions extends ModelOptions, TaskSettings, TrainingSettings, RowOptions {
  readonly budget?: Budget;
}

export interface Study {
  readonly rows: readonly Row[];
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
  const rows = rowsOf(options, siteNames(elaborated), context.seed);
  checkNames(rows, file, recording(host, read), chosen);

  const { entry, place, cell, schedule, tuned, parts, storage } = options;
  const { batch, lr, decay, warmup, optimizer, clip, accumulate, ema } = options;
  const { momentum, stats, estimate, noise, evaluateEvery, memory } = options;
  const { data, offline, time, own } = options;
  const model = { entry, dims: options.dims, place, cell, schedule, tuned, parts, storage };
  const steps = { batch, lr, decay, warmup, optimizer, clip, accumulate, ema };
  const training = { ...steps, momentum, stats, estimate, noise, evaluateEvery, memory };
  return {
    rows,
    identity: {
      model: elaborated.graph.name,
      // A hash of every text that was read: the file, its imports, and norms that only rows place.
      text: createHash("sha256")
        .update(JSON.stringify([...read.values()]))
        .digest("hex"),
      cellc: packageVersion(),
      task: task.name,
      placements: [...new Set(rows.map(({ placement }) => placementText(placement)))],
      seeds: options.seeds,
      seed: context.seed,
      budget: options.budget,
      time,
      ...(task.preparation && { own, preparation: task.preparation }),
      ...model,
      dims: elaborated.dims,
      ...training,
    },
    job: (row) => ({
      row,
      data: { task: options.task, data, offline, time, own },
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
