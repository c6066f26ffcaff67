/** How many batches the statistics of a module were collected from, as its norms count them. */
import { mainAxis } from "../../runtime/batch.ts";
import type { Kept } from "../../runtime/layout.ts";
import type { KnownStatistics } from "../../runtime/population.ts";
import { exit, Failure } from "../failure.ts";
import type { SourceTensor } from "./source-tensor.ts";

/** A statistic of the module, and the counts of its norm, if there are any. */
export interface CountedStatistic {
  readonly statistic: Kept;
  /** For each step; of statistics that all steps share, one number: the sum over the steps. */
  readonly counts: SourceTensor | undefined;
}

/** Two norms that saw the same batches count the same; f32 rounds the fractions that uneven lengths make. */
const ALIKE = 1e-3;

/**
 * What is known of statistics: from how many batches each step's were collected. Where nothing counts them, they count as collected from
 * one batch, as statistics that are written by hand do. `steps`: how many a batch has, if that is known. Throws C0402 for what is no
 * count, and for norms over the same steps that count differently.
 */
export async function collectedCounts(
  path: string,
  statistics: readonly CountedStatistic[],
  steps: number | undefined,
): Promise<KnownStatistics> {
  const axes = new Set([mainAxis, ...statistics.map(({ statistic }) => axisOf(statistic))]);
  const seen: Record<string, readonly number[]> = {};
  for (const axis of axes) {
    const own = statistics.filter(({ statistic }) => axisOf(statistic) === axis);
    const [perStep, shared] = [true, false].map((is) => own.filter(({ statistic }) => isPerStep(statistic) === is));
    if (own.some(({ counts }) => counts === undefined)) {
      seen[axis] = Array.from({ length: Math.max(...own.map(({ statistic }) => statistic.shape[0])) }, () => 1);
      continue;
    }
    const ofSteps = agreed(path, await Promise.all(perStep.map(({ counts }) => numbersOf(path, counts!))));
    const ofAll = agreed(path, await Promise.all(shared.map(({ counts }) => numbersOf(path, counts!))));
    seen[axis] = ofSteps ?? (ofAll === undefined ? [] : spread(ofAll[0], axis === mainAxis ? steps : undefined));
  }
  const { [mainAxis]: main = [], ...seenOver } = seen;
  return { seen: main, ...(Object.keys(seenOver).length > 0 && { seenOver }) };
}

const axisOf = ({ tensor }: Kept): string => tensor.axis ?? mainAxis;

const isPerStep = ({ tensor: { role } }: Kept): boolean => role.kind === "stat" && role.policy === "per_step";

/** A sum over steps as the counts of `steps` steps. */
function spread(sum: number, steps = 1): readonly number[] {
  return sum === 0 ? [] : Array.from({ length: steps }, () => sum / steps);
}

async function numbersOf(path: string, tensor: SourceTensor): Promise<readonly number[]> {
  const counts = [...(await tensor.numbers())];
  if (counts.some((n) => !Number.isFinite(n) || n < 0))
    throw new Failure("C0402", exit.input, `${path}: \`${tensor.name}\` counts batches, and holds what is no count`);
  // Up to the last step that a batch had.
  return counts.slice(0, counts.findLastIndex((n) => n > 0) + 1);
}

/** The counts that all norms have; undefined if there are none. */
function agreed(path: string, all: readonly (readonly number[])[]): readonly number[] | undefined {
  const [first, ...others] = all;
  const differs = others.some(
    (counts) =>
      counts.length !== first.length || counts.some((n, t) => Math.abs(n - first[t]) > ALIKE * Math.max(1, first[t])),
  );
  if (!differs) return first;
  throw new Failure(
    "C0402",
    exit.input,
    `${path}: its norms counted different batches of the same steps, and one count is kept`,
    "collect the statistics of all norms together",
  );
}
