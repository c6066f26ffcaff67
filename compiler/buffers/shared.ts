/** The memory that all entries of a plan share: parameters, gradients, the optimiser's slots, population statistics. */
import type { Tensor } from "../../runtime/plan.ts";
import * as dim from "../ir/dim.ts";
import type { Graph, Op } from "../ir/types.ts";

export interface Shared {
  /** Floats in the `param` region, a multiple of 16; also the size of `grad` and of each slot. */
  readonly params: number;
  /** Floats of the statistics, a multiple of 16. */
  readonly stats: number;
  /** Whether there is an optimiser: what statistics were before its step then stands behind them. */
  readonly trained: boolean;
  /** Where in `grad` the loss stands, and how many steps the optimiser has skipped. */
  readonly loss: number;
  readonly skipped: number;
  readonly slots: readonly string[];
  /** Where each parameter stands in `param`, and its gradient in `grad`. */
  readonly offsets: ReadonlyMap<string, number>;
  readonly statistics: ReadonlyMap<string, { readonly offset: number; readonly steps: number; readonly row: number }>;
  /** Parameters, gradients and statistics, as the plan lists them. */
  readonly tensors: readonly Tensor[];
}

const align = (n: number): number => Math.ceil(n / 16) * 16;

/** Lays out the parameters and statistics of `graph`, which must be placed for training; `trained`: by an optimiser with `slots`. */
export function sharedTensors(
  graph: Graph,
  dims: Readonly<Record<string, number>>,
  slots: readonly string[],
  trained = true,
): Shared {
  const tensors: Tensor[] = [];
  const offsets = new Map<string, number>();
  const statistics = new Map<string, { offset: number; steps: number; row: number }>();
  let params = 0;
  let stats = 0;
  const leaf = (op: Op): void => {
    if (op.op !== "leaf") return;
    const { leaf, type } = op.attrs;
    const shape = type.shape.map((d) => dim.evaluate(d, dims));
    const size = shape.reduce((a, b) => a * b, 1);
    if (leaf.kind === "param" && !offsets.has(leaf.name)) {
      offsets.set(leaf.name, params);
      const common = { offset: params, time: false, batch: false, shape } as const;
      tensors.push({ name: leaf.name, role: { kind: "param", init: leaf.init }, region: "param", ...common });
      tensors.push({ name: `grad/${leaf.name}`, role: { kind: "grad", of: leaf.name }, region: "grad", ...common });
      params += size;
    }
    if (leaf.kind === "population" && !statistics.has(leaf.name)) {
      const { policy, name } = leaf;
      const steps = policy.kind === "per_step" ? dim.evaluate(dim.parse(policy.steps), dims) : 1;
      statistics.set(name, { offset: stats, steps, row: size });
      const role = { kind: "stat", steps, policy: policy.kind } as const;
      tensors.push({ name, role, region: "stat", offset: stats, time: false, batch: false, shape });
      stats = align(stats + steps * size);
    }
  };
  graph.ops.forEach(leaf);
  const size = align(params);
  return {
    params: size,
    loss: size,
    skipped: size + 1,
    stats,
    trained: trained && size > 0,
    slots,
    offsets,
    statistics,
    tensors,
  };
}
