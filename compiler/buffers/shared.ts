/** The memory that all entries of a plan share: parameters, gradients, the optimiser's slots, population statistics. */
import type { Tensor } from "../../runtime/plan.ts";
import * as dim from "../ir/dim.ts";
import { isTrained } from "../ir/trained.ts";
import type { Graph, Type } from "../ir/types.ts";
import { LINE } from "./layout.ts";

export interface Shared {
  /** Floats of the trained parameters, a multiple of 16 rows of whole stores; also the size of `grad` and of each slot. */
  readonly params: number;
  /** Floats of the constants, which follow them in `param`; a multiple of 16. */
  readonly constants: number;
  /** How many of these, at the front, belong to parameters that decay; a multiple of 16. */
  readonly decayed: number;
  /** Floats of the statistics, a multiple of 16. */
  readonly stats: number;
  /** Whether there is an optimiser: the statistics before its step are then kept after the current ones. */
  readonly trained: boolean;
  /** Offsets in `grad` of the loss, and of the number of steps that the optimiser has skipped. */
  readonly loss: number;
  readonly skipped: number;
  readonly slots: readonly string[];
  /** The offset of each parameter in `param`, and of its gradient in `grad`. */
  readonly offsets: ReadonlyMap<string, number>;
  /** The rows of each statistic: `row` floats from one to the next. */
  readonly statistics: ReadonlyMap<string, { readonly offset: number; readonly steps: number; readonly row: number }>;
  /** Floats that a kernel stores at a time: everything starts at a multiple of it. */
  readonly width: number;
  /** Parameters, gradients and statistics, as the plan lists them. */
  readonly tensors: readonly Tensor[];
}

/**
 * Lays out the parameters and statistics of `graph`, which must be placed for training. `trained`: there is an optimiser, with
 * `slots`, that decays the parameters in `decays`. A kernel stores `width` floats at a time.
 */
export function sharedTensors(
  graph: Graph,
  dims: Readonly<Record<string, number>>,
  slots: readonly string[],
  trained = true,
  decays: ReadonlySet<string> = new Set(),
  width = 1,
): Shared {
  const tensors: Tensor[] = [];
  const statistics = new Map<string, { offset: number; steps: number; row: number }>();
  const shapeOf = (type: Type): readonly number[] => type.shape.map((d) => dim.evaluate(d, dims));
  const sizeOf = (shape: readonly number[]): number => shape.reduce((a, b) => a * b, 1);
  const leaves = graph.ops.flatMap((op) => (op.op === "leaf" ? [op.attrs] : []));
  const sizes = (trained: boolean): ReadonlyMap<string, number> =>
    new Map(
      leaves.flatMap(({ leaf, type }) =>
        leaf.kind === "param" && isTrained(leaf) === trained ? [[leaf.name, sizeOf(shapeOf(type))]] : [],
      ),
    );
  const { offsets, decayed, params, constants } = parameterLayout(sizes(true), sizes(false), decays, width);
  let stats = 0;
  const listed = new Set<string>();
  for (const { leaf, type } of leaves) {
    const shape = shapeOf(type);
    const size = sizeOf(shape);
    if (leaf.kind === "param" && !listed.has(leaf.name)) {
      listed.add(leaf.name);
      const common = { offset: offsets.get(leaf.name)!, time: false, batch: false, shape } as const;
      const { name, init, constant } = leaf;
      tensors.push({ name, role: { kind: "param", init, ...(constant && { constant }) }, region: "param", ...common });
      if (!constant)
        tensors.push({ name: `grad/${name}`, role: { kind: "grad", of: name }, region: "grad", ...common });
    }
    if (leaf.kind === "population" && !statistics.has(leaf.name)) {
      const { policy, name } = leaf;
      const steps = policy.kind === "per_step" ? dim.evaluate(dim.parse(policy.steps), dims) : 1;
      const row = wholeStores(size, width);
      statistics.set(name, { offset: stats, steps, row });
      const role = { kind: "stat", steps, policy: policy.kind } as const;
      const pitch = row === size ? {} : { row };
      const axis = leaf.axis === undefined ? {} : { axis: leaf.axis };
      tensors.push({ name, role, region: "stat", offset: stats, time: false, batch: false, shape, ...axis, ...pitch });
      stats = wholeStores(stats + steps * row, LINE * width);
    }
  }
  return {
    params,
    constants,
    decayed,
    loss: params,
    skipped: params + width,
    stats,
    trained: trained && params > 0,
    slots: trained && params > 0 ? slots : [],
    offsets,
    statistics,
    tensors,
    width,
  };
}

/** `n` floats, in whole stores of `width`. */
const wholeStores = (n: number, width: number): number => Math.ceil(n / width) * width;

/**
 * Parameters end to end, given their sizes in floats by name: first those that decay, then the others, then the constants, each
 * starting at a multiple of 16.
 */
function parameterLayout(
  trained: ReadonlyMap<string, number>,
  constant: ReadonlyMap<string, number>,
  decays: ReadonlySet<string>,
  width: number,
): Pick<Shared, "offsets" | "decayed" | "params" | "constants"> {
  const offsets = new Map<string, number>();
  const layOut = (from: number, some: readonly (readonly [name: string, size: number])[]): number => {
    let end = from;
    for (const [name, size] of some) {
      offsets.set(name, end);
      end = wholeStores(end + size, width);
    }
    // Rows of 16, as the optimiser takes them, that are stored as a whole.
    return wholeStores(end, LINE * width);
  };
  const decayed = layOut(
    0,
    [...trained].filter(([name]) => decays.has(name)),
  );
  const params = layOut(
    decayed,
    [...trained].filter(([name]) => !decays.has(name)),
  );
  return { offsets, decayed, params, constants: layOut(params, [...constant]) - params };
}
