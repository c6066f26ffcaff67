/** Population statistics from a checkpoint or a session. */
import type { Compilation } from "../../compiler/compile.ts";
import type { Moment } from "../../compiler/proofs/moments.ts";
import { placeName } from "../../compiler/semantics/site-names.ts";
import { keptTensors } from "../../runtime/layout.ts";
import type { Plan } from "../../runtime/plan.ts";
import type { Counters } from "../../runtime/state.ts";

/** A statistic of a norm, with its numbers. */
export interface Statistic {
  /** `rnn/hh/v`. */
  readonly name: string;
  /** As `--place` takes it: `rnn.hh`. */
  readonly site: string;
  /** Whether the value at the site depends on a state, so that gradients pass through it at every step. */
  readonly recurrent: boolean;
  /** `other`: not a moment, such as a flag that says whether statistics were collected. */
  readonly is: Moment["is"] | "other";
  readonly policy: "per_step" | "shared";
  /** Number of steps with numbers of their own; 1 if all steps share them. */
  readonly rows: number;
  readonly units: number;
  /** [rows, units] */
  readonly values: Float32Array;
  /** [rows]: the number of batches that each row was collected from. */
  readonly batches: readonly number[];
  readonly epsilon: number | undefined;
  /** Name of the mean that a variance or deviation is about, if known. */
  readonly about: string | undefined;
}

/** What a compilation knows about the statistics in its plan. */
export type Norms = Pick<Compilation, "moments" | "sites">;

/**
 * The statistics of a plan, in its order. `collected`: for each step of each time axis, the number of batches that statistics were
 * collected from. `read` returns a statistic's numbers by name.
 */
export function statisticsOf(
  plan: Plan,
  { moments, sites }: Norms,
  { seen: main, seenOver = {} }: Pick<Counters, "seen" | "seenOver">,
  read: (name: string) => Float32Array,
): readonly Statistic[] {
  return keptTensors(plan).flatMap(({ name, tensor, shape: [rows], kind }): readonly Statistic[] => {
    if (kind !== "stat" || tensor.role.kind !== "stat") return [];
    const { policy } = tensor.role;
    const { axis } = tensor;
    const seen = axis === undefined ? main : (seenOver[axis] ?? main);
    const values = read(name);
    const site = name.slice(0, name.lastIndexOf("/"));
    const moment = moments.find(({ statistic }) => statistic === name);
    return [
      {
        ...{ name, policy, rows, values, units: values.length / rows },
        site: placeName(site),
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

/** The variance for a value of a variance or deviation; undefined for other statistics. */
export function varianceOf({ is, epsilon = 0 }: Pick<Statistic, "is" | "epsilon">, value: number): number | undefined {
  if (is === "variance") return value;
  return is === "deviation" ? value * value - epsilon : undefined;
}
