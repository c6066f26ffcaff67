/** Population statistics, as a checkpoint or a session has them. */
import type { Compilation } from "../../compiler/compile.ts";
import type { Moment } from "../../compiler/proofs/moments.ts";
import { keptTensors } from "../../runtime/layout.ts";
import type { Plan } from "../../runtime/plan.ts";

/** A statistic of a norm, with its numbers. */
export interface Statistic {
  /** `rnn/hh/v`. */
  readonly name: string;
  /** As `--place` takes it: `rnn.hh`. */
  readonly site: string;
  /** What stands there depends on a state, so that gradients go through it step after step. */
  readonly recurrent: boolean;
  /** `other`: nothing that this program knows, such as whether others were collected. */
  readonly is: Moment["is"] | "other";
  readonly policy: "per_step" | "shared";
  /** Steps that have numbers of their own; 1 where all share them. */
  readonly rows: number;
  readonly units: number;
  /** [rows, units] */
  readonly values: Float32Array;
  /** [rows]: the batches that each was collected from; 0: none were. */
  readonly batches: readonly number[];
  readonly epsilon: number | undefined;
  /** The mean that a variance or deviation is about, where it is known. */
  readonly about: string | undefined;
}

/** What a compilation knows of the statistics in its plan. */
export type Norms = Pick<Compilation, "moments" | "sites">;

/**
 * The statistics of a plan, in its order. `seen`: for each step, the batches that statistics were collected from; `read` gives
 * numbers by name.
 */
export function statisticsOf(
  plan: Plan,
  { moments, sites }: Norms,
  seen: readonly number[],
  read: (name: string) => Float32Array,
): readonly Statistic[] {
  return keptTensors(plan).flatMap(({ name, tensor, shape: [rows], kind }): readonly Statistic[] => {
    if (kind !== "stat" || tensor.role.kind !== "stat") return [];
    const { policy } = tensor.role;
    const values = read(name);
    const site = name.slice(0, name.lastIndexOf("/"));
    const moment = moments.find(({ statistic }) => statistic === name);
    return [
      {
        ...{ name, policy, rows, values, units: values.length / rows },
        site: site.replaceAll("/", "."),
        recurrent: sites.find((point) => point.name === site)?.recurrent ?? false,
        is: moment?.is ?? "other",
        batches:
          policy === "shared" ? [Math.max(0, ...seen)] : Array.from({ length: rows }, (_, row) => seen[row] ?? 0),
        epsilon: moment?.epsilon,
        about: moment?.about,
      },
    ];
  });
}

/** Whether any norm of the model has statistics. */
export const hasStatistics = (plan: Plan): boolean => keptTensors(plan).some(({ kind }) => kind === "stat");

/** The numbers of one row. */
export const rowOf = ({ values, units }: Pick<Statistic, "values" | "units">, row: number): Float32Array =>
  values.subarray(row * units, (row + 1) * units);

/** What a variance is, of one or of a deviation; and of what is neither, nothing. */
export function varianceOf({ is, epsilon = 0 }: Pick<Statistic, "is" | "epsilon">, value: number): number | undefined {
  if (is === "variance") return value;
  return is === "deviation" ? value * value - epsilon : undefined;
}
