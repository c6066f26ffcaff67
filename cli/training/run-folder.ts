/** The folder of a run: `run.json`, `curve.jsonl`, `curve.svg`, `model.safetensors`. */
import { existsSync } from "node:fs";
import { basename, join } from "node:path";
import { loopOwners } from "../../compiler/partition/loop-owner.ts";
import { dataOptionsSchema } from "../data/data-options.ts";
import type { TaskForm } from "../data/task.ts";
import { taskFormSchema } from "../data/task-schema.ts";
import { exit, Failure } from "../failure.ts";
import { optimizerChoice } from "../optimizer.ts";
import { RecordedFolder } from "../recorded-folder.ts";
import { appendCurve, type Curve, type CurvePoint, readCurve, truncateCurve } from "../report/curve-log.ts";
import { drawCurves, measuresOf } from "../report/curves.ts";
import { writeAtomically } from "../report/files.ts";
import {
  above,
  anything,
  dictionary,
  type Infer,
  Mismatch,
  measure,
  number,
  oneOf,
  optional,
  record as recordOf,
  type Schema,
  text,
  truth,
  whole,
} from "../report/schema.ts";
import { scheduleChoice } from "../schedule.ts";
import { targetNames } from "../targets.ts";

/** The settings that decide which examples come at which step. To resume a run, they must agree. */
export type RunIdentity = Readonly<{ model: string; task: string; batch: number; seed: number }>;

export type RunStatus = "running" | "finished" | "interrupted" | "diverged";

/** `run.json`. */
export interface RunRecord extends RunIdentity {
  readonly format: 1;
  readonly status: RunStatus;
  /** Every option of the command, including defaults. */
  readonly options: Infer<typeof recordedOptions> & Readonly<Record<string, unknown>>;
  readonly machine: Readonly<Record<string, unknown>>;
  /** ISO 8601. */
  readonly started: string;
  readonly ended?: string;
  readonly step: number;
  /** What the model must fit, if the examples are of one's own: an export then needs no data. */
  readonly form?: TaskForm;
  /** The last evaluation. */
  readonly result?: Readonly<Record<string, number>>;
  /** The evaluation of `best.safetensors`, and its step. */
  readonly best?: Readonly<Record<string, number>>;
  /** What `best.safetensors` reached on the test examples, with `--test`. */
  readonly test?: Readonly<Record<string, number>>;
  /** What ended training before its last step: evaluations that did not improve, or the time. */
  readonly stopped?: "patience" | "time";
}

/** A path: text without NUL. */
const path: Schema<string> = (value, at) => {
  const found = text(value, at);
  if (found.includes("\0")) throw new Mismatch(at, value, "a path, in which no NUL can stand");
  return found;
};

/** Options that commands read again: `eval`, `stats` and `export` those of the model and the data, `train --resume` all. */
const recordedOptions = recordOf(
  {
    file: optional(path),
    entry: optional(text),
    dims: optional(dictionary(number)),
    place: optional(text),
    cell: optional(dictionary(text)),
    storage: optional(oneOf("f32", "f16")),
    ragged: optional(truth),
    memory: optional(above),
    schedule: optional(recordOf({ forward: optional(oneOf(...loopOwners)), backward: optional(oneOf(...loopOwners)) })),
    parts: optional(whole(1)),
    task: optional(text),
    batch: optional(whole(1)),
    data: optional(path),
    offline: optional(truth),
    time: optional(whole(1)),
    own: optional(dataOptionsSchema),
    target: optional(oneOf(...targetNames)),
    threads: optional(whole(1)),
    tuned: optional(truth),
    epochs: optional(above),
    steps: optional(whole(1)),
    lr: optional(above),
    decay: optional(scheduleChoice),
    warmup: optional(whole(1)),
    optimizer: optional(optimizerChoice),
    clip: optional(above),
    momentum: optional(above),
    stats: optional(oneOf("exact", "ema")),
    estimate: optional(whole(1)),
    noise: optional(oneOf("mean", "drawn")),
    evaluateEvery: optional(whole(1)),
    accumulate: optional(whole(1)),
    ema: optional(number),
    maxTime: optional(above),
    patience: optional(whole(1)),
    minDelta: optional(number),
    bestBy: optional(recordOf({ metric: text, direction: optional(oneOf("min", "max")) })),
    test: optional(truth),
    tensorboard: optional(path),
  },
  "allowed",
);

const runRecord = recordOf({
  format: oneOf(1),
  status: oneOf("running", "finished", "interrupted", "diverged"),
  model: text,
  task: text,
  batch: whole(1),
  seed: whole(),
  options: recordedOptions,
  machine: dictionary(anything),
  started: text,
  ended: optional(text),
  step: whole(),
  form: optional(taskFormSchema),
  result: optional(dictionary(measure)),
  best: optional(dictionary(measure)),
  test: optional(dictionary(measure)),
  stopped: optional(oneOf("patience", "time")),
});

export interface RunPaths {
  readonly record: string;
  readonly curve: string;
  readonly picture: string;
  /** The last state, to go on from. */
  readonly model: string;
  /** The state that the best evaluation measured. */
  readonly best: string;
  /** With averaged weights: the state that the last evaluation measured. */
  readonly averaged: string;
}

export function runPaths(folder: string): RunPaths {
  return {
    record: join(folder, "run.json"),
    curve: join(folder, "curve.jsonl"),
    picture: join(folder, "curve.svg"),
    model: join(folder, "model.safetensors"),
    best: join(folder, "best.safetensors"),
    averaged: join(folder, "averaged.safetensors"),
  };
}

/** What stands above a run's curve, and its name in the legend. */
export interface CurveWords {
  readonly title: string;
  readonly subtitle: string;
  readonly name: string;
}

/** The folder of a run: its record and its other files. */
export class RunFolder extends RecordedFolder<RunRecord> {
  readonly files: RunPaths;

  constructor(path: string) {
    const files = runPaths(path);
    super(path, {
      noun: "a run",
      file: files.record,
      schema: runRecord,
      drawing: files.picture,
      identity: ({ model, task, batch, seed }): RunIdentity => ({ model, task, batch, seed }),
    });
    this.files = files;
  }

  /** Also throws C0408 for remains of a run without a record, C0402 for a damaged curve, and C0401 for a missing checkpoint. */
  override async begin(resume: boolean): Promise<RunRecord | undefined> {
    const record = await super.begin(resume);
    const { curve, model, best, averaged } = this.files;
    if (record === undefined) {
      const left = [model, best, averaged, curve].find((file) => existsSync(file));
      if (left === undefined) return undefined;
      throw new Failure("C0408", exit.usage, `${left} is of a run whose run.json is gone`, "choose another --out");
    }
    // A result is recorded after its checkpoint is written.
    if (record.result !== undefined && !existsSync(model))
      throw new Failure(
        "C0401",
        exit.input,
        `${model} is gone, and the run in ${this.path} was at step ${record.step}`,
        "put the checkpoint back, or begin anew in another --out",
      );
    await readCurve(curve);
    return record;
  }

  /** Removes partial files of a run that was killed, even before it had a record. */
  async clear(): Promise<void> {
    const own = new Set(Object.values(this.files).map((path) => basename(path)));
    await this.removeLeftovers(this.path, (file) => own.has(file));
  }

  /** Adds points to the curve. */
  async extendCurve(points: readonly CurvePoint[]): Promise<void> {
    await appendCurve(this.files.curve, points);
  }

  /** Draws the curve. */
  async drawCurve({ title, subtitle, name }: CurveWords): Promise<void> {
    const points = await readCurve(this.files.curve);
    const measures = measuresOf(points);
    await writeAtomically(this.files.picture, drawCurves({ title, subtitle, runs: [{ name, points }], measures }));
  }

  /** Cuts the curve back to a checkpoint's step. Returns what is left of it, and what a crash had cut off. */
  rewindCurve(step: number): Promise<Curve> {
    return truncateCurve(this.files.curve, step);
  }
}
