/** The folder of a run: `run.json`, `curve.jsonl`, `curve.svg`, `model.safetensors`. */
import { existsSync } from "node:fs";
import { readdir, rm } from "node:fs/promises";
import { basename, join } from "node:path";
import { loopOwners } from "../../compiler/partition/loop-owner.ts";
import { exit, Failure } from "../failure.ts";
import { appendCurve, type CurvePoint, readCurve, truncateCurve } from "../report/curve-log.ts";
import { drawCurves } from "../report/curves.ts";
import { readRecordFile, writeAtomically } from "../report/files.ts";
import {
  above,
  anything,
  dictionary,
  Mismatch,
  measure,
  type Of,
  oneOf,
  optional,
  record as recordOf,
  type Shape,
  text,
  truth,
  whole,
} from "../report/shapes.ts";

/** What decides which examples come at which step: a resumed run must agree with these. */
export interface RunIdentity {
  readonly model: string;
  readonly task: string;
  readonly batch: number;
  readonly seed: number;
}

export type RunStatus = "running" | "finished" | "interrupted" | "diverged";

/** `run.json`. */
export interface RunRecord extends RunIdentity {
  readonly format: 1;
  readonly status: RunStatus;
  /** Every option of the command, defaults filled in. */
  readonly options: Of<typeof recordedOptions> & Readonly<Record<string, unknown>>;
  readonly machine: Readonly<Record<string, unknown>>;
  /** ISO 8601. */
  readonly started: string;
  readonly ended?: string;
  readonly step: number;
  /** The last evaluation. */
  readonly result?: Readonly<Record<string, number>>;
}

/** A path: text that the system can take for one. */
const path: Shape<string> = (value, at) => {
  const found = text(value, at);
  if (found.includes("\0")) throw new Mismatch(at, value, "a path, in which no NUL can stand");
  return found;
};

/** Options that a command reads again. Others say only how the run was trained. */
const recordedOptions = recordOf(
  {
    file: optional(path),
    entry: optional(text),
    dims: optional(dictionary(whole(1))),
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
    validation: optional(truth),
    time: optional(whole(1)),
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
  result: optional(dictionary(measure)),
});

export interface RunPaths {
  readonly record: string;
  readonly curve: string;
  readonly picture: string;
  readonly model: string;
}

export function runPaths(folder: string): RunPaths {
  return {
    record: join(folder, "run.json"),
    curve: join(folder, "curve.jsonl"),
    picture: join(folder, "curve.svg"),
    model: join(folder, "model.safetensors"),
  };
}

export async function writeRecord(folder: string, record: RunRecord): Promise<void> {
  await writeAtomically(runPaths(folder).record, `${JSON.stringify(record, null, 2)}\n`);
}

/** The record of a run in `folder`; undefined where there is none. Throws C0402, with the line, where it is none. */
export function readRecord(folder: string): Promise<RunRecord | undefined> {
  return readRecordFile(runPaths(folder).record, "the record of a run", runRecord);
}

/**
 * The run in a folder that is to be gone on with; undefined where a new one is to begin. Makes sure that beginning does not destroy
 * a run. Throws C0408 where a run stands here already, or there is none to resume; C0402 and C0401 where what is there is damaged.
 */
export async function previousRun(folder: string, resume: boolean): Promise<RunRecord | undefined> {
  const record = await readRecord(folder);
  const { curve, model } = runPaths(folder);
  if (record === undefined) {
    if (resume) throw new Failure("C0408", exit.usage, `${folder} holds no run to resume`);
    const left = [model, curve].find((file) => existsSync(file));
    if (left === undefined) return undefined;
    throw new Failure("C0408", exit.usage, `${left} is of a run whose run.json is gone`, "choose another --out");
  }
  if (!resume) {
    throw new Failure(
      "C0408",
      exit.usage,
      `${folder} holds a run already`,
      "go on with it: --resume; or choose another --out",
    );
  }
  // A result is written down behind the checkpoint that it is of.
  if (record.result !== undefined && !existsSync(model))
    throw new Failure(
      "C0401",
      exit.input,
      `${model} is gone, and the run in ${folder} was at step ${record.step}`,
      "put the checkpoint back, or begin anew in another --out",
    );
  await readCurve(curve);
  return record;
}

/** Throws C0408 unless a run that is to be gone on with is the same one. */
export function checkIdentity(folder: string, record: RunRecord, identity: RunIdentity): void {
  for (const key of ["model", "task", "batch", "seed"] as const) {
    if (record[key] !== identity[key]) {
      throw new Failure("C0408", exit.usage, `${folder} holds a run with ${key} ${record[key]}, not ${identity[key]}`);
    }
  }
}

/** Adds points to the curve and draws the picture anew. */
export async function extendCurve(
  folder: string,
  points: readonly CurvePoint[],
  words: { readonly title: string; readonly subtitle: string; readonly name: string; readonly metric: string },
): Promise<void> {
  const paths = runPaths(folder);
  await appendCurve(paths.curve, points);
  const runs = [{ name: words.name, points: await readCurve(paths.curve) }];
  await writeAtomically(
    paths.picture,
    drawCurves({ title: words.title, subtitle: words.subtitle, runs, metric: words.metric }),
  );
}

/** Removes what a run that was killed in the middle of writing left beside its files. */
export async function removeLeftovers(folder: string): Promise<void> {
  const files = Object.values(runPaths(folder)).map((path) => basename(path));
  if (!existsSync(folder)) return;
  for (const name of await readdir(folder)) {
    const partial = files.some((file) => name.startsWith(`.${file}.`)) && /\.(tmp|part)$/.test(name);
    if (partial) await rm(join(folder, name), { force: true });
  }
}

/** Takes the curve back to a checkpoint's step: the seconds of training up to there, and what a crash had cut short. */
export async function takeBackCurve(
  folder: string,
  step: number,
): Promise<{ readonly seconds: number; readonly cut: number }> {
  const { points, cut } = await truncateCurve(runPaths(folder).curve, step);
  return { seconds: points.at(-1)?.seconds ?? 0, cut };
}
