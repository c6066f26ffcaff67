/** How long each row trains: the same for all, so that they can be compared. */
import type { Task } from "../data/task.ts";
import { exit, Failure } from "../failure.ts";
import type { Budget } from "../options.ts";
import { formatSeconds } from "../output.ts";
import { stepsPerEpoch } from "../training/order.ts";
import type { RowLength, RowTiming } from "./row.ts";
import type { RowJob } from "./row-worker.ts";
import type { RungShare } from "./rungs.ts";
import type { WorkerPool } from "./worker-pool.ts";

/** Default number of evaluations of a row: enough for a curve, since each may cost as much as many steps. */
const EVALUATIONS = 5;

export interface LengthOptions {
  readonly budget?: Budget;
  readonly batch: number;
  readonly evaluateEvery?: number;
  /** Default: one rung, which all placements train. */
  readonly rungs?: readonly RungShare[];
}

export interface ExplorationLength extends RowLength {
  /** The steps at the ends of the rungs; the last of them are all. */
  readonly rungs: readonly number[];
}

const ONE_RUNG: readonly RungShare[] = [{ steps: 1, placements: 1 }];

/**
 * The number of steps of a row: as many as the budget says, or as fit all rows into a budget of time. Default: an epoch. For a
 * budget of time, one row of each placement is measured first. Throws C0301 if there is no time for a single step.
 */
export async function lengthOf(
  options: LengthOptions,
  jobs: readonly RowJob[],
  task: Task,
  workers: number,
  pool: Pick<WorkerPool, "measure">,
): Promise<ExplorationLength> {
  const { budget, batch } = options;
  if (budget?.kind !== "time") return inRungs(budget?.steps ?? Math.max(1, stepsPerEpoch(task, batch)), options);
  const started = performance.now();
  const first = jobs.filter(({ row }, at) => jobs.findIndex((job) => job.row.placement === row.placement) === at);
  const timings = await Promise.all(first.map((job) => pool.measure(job)));
  const spent = (performance.now() - started) / 1000;
  const known = timings.filter((timing) => timing !== undefined);
  // Every row will say why it cannot be trained.
  if (known.length === 0) return inRungs(leastSteps(options), options);
  const seeds = jobs.length / first.length;
  const steps = stepsWithin((budget.seconds - spent) * workers, known, seeds, options);
  const fewest = leastSteps(options);
  if (steps >= fewest) return inRungs(steps, options);
  const { opened, trained } = workOf(options);
  const rows =
    (seeds / workers) *
    sum(known.map(({ compile, step, evaluation }) => opened * (compile + evaluation) + trained * fewest * step));
  const least = spent + rows;
  throw new Failure(
    "C0301",
    exit.usage,
    `a budget of ${formatSeconds(budget.seconds)} is too short for ${jobs.length} rows`,
    `${fewest === 1 ? "one step" : `${fewest} steps`} of each ${fewest === 1 ? "takes" : "take"} about ${formatSeconds(least)}; leave out placements, or evaluate less: --estimate`,
  );
}

/** Cuts the steps of a row into rungs that end at evaluations. Throws C0301 if they are too few for that. */
function inRungs(steps: number, { rungs = ONE_RUNG, evaluateEvery }: LengthOptions): ExplorationLength {
  if (rungs.length === 1)
    return { steps, evaluateEvery: evaluateEvery ?? Math.ceil(steps / EVALUATIONS), rungs: [steps] };
  const every = evaluateEvery ?? 1;
  const times = rungs.map((rung) => Math.round(rung.steps / rungs[0].steps));
  const longest = times[times.length - 1];
  const first = Math.floor(steps / longest / every) * every;
  if (first < 1)
    throw new Failure(
      "C0301",
      exit.usage,
      `${steps} steps are too few for ${rungs.length} rungs: the first would end before ${evaluateEvery === undefined ? "a step" : "an evaluation"}`,
      `a --budget of ${every * longest} steps at least, or fewer --rungs`,
    );
  const ends = times.map((factor) => first * factor);
  return { steps: ends[ends.length - 1], evaluateEvery: evaluateEvery ?? first, rungs: ends };
}

/** The fewest steps of a row. */
const leastSteps = ({ rungs = ONE_RUNG, evaluateEvery }: LengthOptions): number =>
  rungs.length === 1 ? 1 : Math.round((evaluateEvery ?? 1) / rungs[0].steps);

/**
 * What a placement costs on average: how often it is opened, its share of the steps of a row that goes to the end, how many evaluations it
 * has in any case, and how many more for each of those steps.
 */
function workOf({ rungs = ONE_RUNG, evaluateEvery }: Pick<LengthOptions, "evaluateEvery" | "rungs">) {
  const trained = sum(rungs.map(({ steps, placements }, at) => placements * (steps - (rungs[at - 1]?.steps ?? 0))));
  const opened = sum(rungs.map(({ placements }) => placements));
  // There is always an evaluation after the last step.
  if (evaluateEvery !== undefined) return { opened, trained, evaluations: opened, perStep: trained / evaluateEvery };
  return { opened, trained, evaluations: rungs.length === 1 ? EVALUATIONS : trained / rungs[0].steps, perStep: 0 };
}

/** The most steps that fit into `seconds` of one thread, with `seeds` rows of each timing. */
export function stepsWithin(
  seconds: number,
  timings: readonly RowTiming[],
  seeds: number,
  options: Pick<LengthOptions, "evaluateEvery" | "rungs">,
): number {
  const { opened, trained, evaluations, perStep } = workOf(options);
  const evaluation = seeds * sum(timings.map((timing) => timing.evaluation));
  // As if each row compiled: those that find what another has compiled leave time over.
  const compile = seeds * sum(timings.map((timing) => timing.compile));
  const step = seeds * sum(timings.map((timing) => timing.step));
  return Math.floor((seconds - opened * compile - evaluations * evaluation) / (trained * step + perStep * evaluation));
}

const sum = (numbers: readonly number[]): number => numbers.reduce((total, number) => total + number, 0);
