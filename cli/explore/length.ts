/** How long each row trains: the same for all, so that they can be compared. */
import type { Task } from "../data/task.ts";
import { exit, Failure } from "../failure.ts";
import type { Budget } from "../options.ts";
import { formatSeconds } from "../output.ts";
import { stepsPerEpoch } from "../training/batches.ts";
import type { RowLength, RowTiming } from "./row.ts";
import type { RowJob } from "./row-worker.ts";
import type { WorkerPool } from "./worker-pool.ts";

/** Default number of evaluations of a row: enough for a curve, since each may cost as much as many steps. */
const EVALUATIONS = 5;

/**
 * The number of steps of a row: as many as the budget says, or as fit all rows into a budget of time. Default: an epoch. For a
 * budget of time, one row of each placement is measured first. Throws C0301 if there is no time for a single step.
 */
export async function lengthOf(
  {
    budget,
    batch,
    evaluateEvery,
  }: { readonly budget?: Budget; readonly batch: number; readonly evaluateEvery?: number },
  jobs: readonly RowJob[],
  task: Task,
  workers: number,
  pool: Pick<WorkerPool, "measure">,
): Promise<RowLength> {
  const withSteps = (steps: number): RowLength => ({
    steps,
    evaluateEvery: evaluateEvery ?? Math.ceil(steps / EVALUATIONS),
  });
  if (budget?.kind !== "time") return withSteps(budget?.steps ?? Math.max(1, stepsPerEpoch(task, batch)));
  const started = performance.now();
  const first = jobs.filter(({ row }, at) => jobs.findIndex((job) => job.row.placement === row.placement) === at);
  const timings = await Promise.all(first.map((job) => pool.measure(job)));
  const spent = (performance.now() - started) / 1000;
  const known = timings.filter((timing) => timing !== undefined);
  // Every row will say why it cannot be trained.
  if (known.length === 0) return withSteps(1);
  const seeds = jobs.length / first.length;
  const steps = stepsWithin((budget.seconds - spent) * workers, known, seeds, evaluateEvery);
  if (steps >= 1) return withSteps(steps);
  const least =
    spent + (seeds / workers) * sum(known.map((timing) => timing.compile + timing.step + timing.evaluation));
  throw new Failure(
    "C0301",
    exit.usage,
    `a budget of ${formatSeconds(budget.seconds)} is too short for ${jobs.length} rows`,
    `one step of each takes about ${formatSeconds(least)}; leave out placements, or evaluate less: --estimate`,
  );
}

/** The most steps that fit into `seconds` of one thread, with `seeds` rows of each timing. */
export function stepsWithin(
  seconds: number,
  timings: readonly RowTiming[],
  seeds: number,
  evaluateEvery: number | undefined,
): number {
  const evaluation = seeds * sum(timings.map((timing) => timing.evaluation));
  const compile = seeds * sum(timings.map((timing) => timing.compile));
  const step = seeds * sum(timings.map((timing) => timing.step));
  // There is always an evaluation after the last step.
  if (evaluateEvery === undefined) return Math.floor((seconds - compile - EVALUATIONS * evaluation) / step);
  return Math.floor((seconds - compile - evaluation) / (step + evaluation / evaluateEvery));
}

const sum = (numbers: readonly number[]): number => numbers.reduce((total, number) => total + number, 0);
