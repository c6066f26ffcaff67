/** A worker thread of an exploration: trains the rows it is given, one after another. */
import { parentPort } from "node:worker_threads";
import { openTaskWith, type TaskSettings } from "../data/settings.ts";
import type { Task } from "../data/task.ts";
import { type ExitCode, Failure } from "../failure.ts";
import { createOutput } from "../output.ts";
import type { Measures } from "../training/learner.ts";
import {
  measureRow,
  type RowRecord,
  type RowSettings,
  type RowTiming,
  type Stretch,
  testRow,
  trainRow,
} from "./row.ts";
import type { Row } from "./rows.ts";

/** What a worker needs to know about the command. Plain data, because it is sent to another thread. */
export interface RowJob {
  readonly row: Row;
  readonly data: TaskSettings;
  readonly settings: RowSettings;
  readonly environment: Readonly<Record<string, string | undefined>>;
}

/** An error about the command rather than about a placement. Plain data, because an error loses its class between threads. */
export interface Stop {
  readonly stop: Pick<Failure, "code" | "message" | "help"> & { readonly exitCode: ExitCode };
}

/** Sent while a row trains. */
export interface RowProgress {
  readonly number: number;
  readonly step: number;
}

/** Milliseconds between progress messages. */
const TELL_EVERY = 100;

export function trainJob(job: RowJob & Stretch): Promise<RowRecord | Stop> {
  let told = 0;
  const tell = (step: number): void => {
    const now = performance.now();
    if (now - told < TELL_EVERY) return;
    told = now;
    const progress: RowProgress = { number: job.row.number, step };
    parentPort?.postMessage(progress);
  };
  return carryOut(job, (task, context) => trainRow(job.row, task, job.settings, job, context, tell));
}

/** Undefined if the row cannot be trained; training it will report why. */
export function measureJob(job: RowJob): Promise<RowTiming | undefined | Stop> {
  return carryOut(job, (task, context) => measureRow(job.row, task, job.settings, context));
}

/** The measures of a trained row's model on the test split. */
export function testJob(job: RowJob & { readonly checkpoint: string }): Promise<Measures | Stop> {
  return carryOut(job, (task, context) => testRow(job.row, task, job.settings, job.checkpoint, context));
}

type JobContext = Parameters<typeof measureRow>[3];

/** The worker's task, opened once: all its rows share it. */
let opened: Promise<Task> | undefined;

async function carryOut<T>(
  { data, environment }: RowJob,
  work: (task: Task, context: JobContext) => Promise<T>,
): Promise<T | Stop> {
  const { stderr } = process;
  const context = {
    environment,
    output: createOutput({ json: false, color: false, stdout: stderr, stderr, environment }),
  };
  try {
    opened ??= openTaskWith({ ...context, quiet: true }, data);
    return await work(await opened, context);
  } catch (error) {
    if (!(error instanceof Failure)) throw error;
    const { code, exitCode, message, help } = error;
    return { stop: { code, exitCode, message, help } };
  }
}
