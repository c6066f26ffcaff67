/**
 * One step of an optimiser on all parameters at once, clipped by the global norm of the gradients. It is compiled like everything
 * else: to one kernel of sums, and then one elementwise kernel over the whole parameter region.
 */
import { Builder } from "./ir/builder.ts";
import * as dim from "./ir/dim.ts";
import type { FlatRegion, Graph, Leaf, Result, Type, Value } from "./ir/types.ts";
import { type Optimizer, type OptimizerRow, optimizers, slotsOf } from "./optimizers.ts";

/** Parameters are end to end, in so many rows, which kernels treat as examples. A workgroup of its own sums each row. */
export const parameterRows = 16;

/** The sum over all parameters, row by row first. */
const total = (b: Builder, v: Value): Value => b.sum(b.sum(v, { features: [0] }), { batch: true });

/**
 * ‖g‖ without squares that overflow or underflow: besides the plain sum of squares, one of g scaled down and one of g scaled up by
 * a power of two, of which the valid one is chosen (Blue 1978, as LAPACK's nrm2). Not finite if an element or ‖g‖ is not.
 */
function length(b: Builder, g: Value): Value {
  const scaled = (by: number): Value => b.mul(b.scalar(1 / by), b.sqrt(total(b, b.square(b.mul(b.scalar(by), g)))));
  const plain = scaled(1);
  // Elements whose squares underflow, below 2⁻⁶³, are a 2⁻²⁸-th of 2⁻³⁵; squares of 2⁶⁰ can be added up.
  const notSmall = b.select(b.ge(plain, b.scalar(2 ** 60)), scaled(2 ** -80), plain);
  return b.select(b.le(plain, b.scalar(2 ** -35)), scaled(2 ** 80), notSmall);
}

/** 1 where every number of every one of these vectors is finite, else 0. */
function allFinite(b: Builder, vectors: readonly Value[]): Value {
  const each = vectors.map((v) => b.elementwise("finite", [v])).reduce(b.mul);
  return b.eq(total(b, b.sub(b.scalar(1), each)), b.scalar(0));
}

/** Parameters that are treated alike: all of them or, if only some decay, those that do, and after them the others. */
interface Group {
  /** Appended to the names of its leaves. */
  readonly suffix: string;
  readonly decays: boolean;
  /** The extent of its rows. */
  readonly row: string;
  readonly from?: string;
}

/** Which parameters decay. If only some do, they come before the others, in `decayed` floats. */
export type Decaying = "all" | "some" | "none";

const groupsOf = (decaying: Decaying): readonly Group[] =>
  decaying === "some"
    ? [
        { suffix: "_decayed", decays: true, row: "decayed_row" },
        { suffix: "_kept", decays: false, row: "kept_row", from: "decayed" },
      ]
    : [{ suffix: "", decays: decaying === "all", row: "row" }];

/**
 * One step of an optimiser. Leaves: all parameters, gradients and slots, the scalars `lr`, `step` and `clip`, and the loss.
 * Gradients are first scaled by min(1, clip / ‖g‖) (Pascanu et al. 2013); ‖g‖ is the metric `gradient_norm`.
 *
 * A step whose loss, gradient, norm, statistics, new parameters or new slots are not finite is skipped: parameters and slots stay,
 * and the statistics, which `train` has already moved, become what they were. All later steps are skipped, too, until the host has
 * noticed and has reset their count, `skipped_steps`, to 0.
 */
export function optimizerGraph(
  optimizer: Optimizer,
  {
    statistics: hasStatistics = false,
    decaying = "none",
  }: { readonly statistics?: boolean; readonly decaying?: Decaying } = {},
): Graph {
  const { name, ...options } = optimizer;
  const row: OptimizerRow = optimizers[name];
  const names = slotsOf(optimizer);
  const b = new Builder();
  const scalar: Type = { dtype: "f32", time: false, batch: false, shape: [] };
  const leaf = (leaf: Leaf, type: Type): Value => b.one("leaf", [], { leaf, type }, leaf.name.replace("/", "_"));
  const vector = (name: string, region: FlatRegion, group: Group, slot = 0): Value =>
    leaf(
      { kind: "flat", name: name + group.suffix, region, slot, ...(group.from && { from: group.from }) },
      { ...scalar, batch: true, shape: [dim.variable(group.row)] },
    );
  const hyper = (name: string): Value => leaf({ kind: "hyper", name }, scalar);
  const number = (name: string, region: FlatRegion): Value => leaf({ kind: "flat", name, region, slot: 0 }, scalar);

  const [whole] = groupsOf("none");
  const memory = groupsOf(decaying).map((group) => ({
    group,
    p: vector("p", "param", group),
    g: vector("g", "grad", group),
    slots: names.map((s, i) => vector(s, "slot", group, i)),
  }));
  const lr = hyper("lr");
  const step = hyper("step");
  const clip = hyper("clip");
  const norm = length(b, memory.length > 1 ? vector("g", "grad", whole) : memory[0].g);
  const scale = b.select(b.gt(norm, clip), b.div(clip, norm), b.scalar(1));
  const decay = "weightDecay" in optimizer ? optimizer.weightDecay : 0;
  const made = memory.map(({ group, p, g, slots }) => {
    const from = group.decays ? b.sub(p, b.mul(b.mul(lr, b.scalar(decay)), p)) : p;
    return row.update({ b, p: from, g: b.mul(g, scale), slots, lr, step, options });
  });

  const rows: Type = { ...scalar, batch: true, shape: [dim.variable("statistics")] };
  const statistics = (name: string, slot: number): Value => leaf({ kind: "flat", name, region: "stat", slot }, rows);
  const [moved, before] = hasStatistics ? [statistics("moved", 0), statistics("before", 1)] : [];

  const skipped = number("skipped_steps", "skipped");
  const finite = [norm, number("loss", "loss")].map((v) => b.elementwise("finite", [v])).reduce(b.mul);
  const updated = made.map(({ p, slots }) => allFinite(b, [p, ...slots])).reduce(b.mul, finite);
  const sound = moved ? b.mul(updated, allFinite(b, [moved])) : updated;
  const done = b.mul(b.eq(skipped, b.scalar(0)), sound);
  const results: Result[] = [];
  const take = (leaf: string, now: Value, before: Value): void => {
    results.push({ kind: "flat", name: leaf, value: b.select(done, now, before) });
  };
  for (const [at, { group, p, slots }] of memory.entries()) {
    take(`p${group.suffix}`, made[at].p, p);
    for (const [i, value] of made[at].slots.entries()) take(names[i] + group.suffix, value, slots[i]);
  }
  if (moved && before) {
    const kept = b.select(done, moved, before);
    for (const name of ["moved", "before"]) results.push({ kind: "flat", name, value: kept });
  }
  const again = b.select(done, b.scalar(0), b.add(skipped, b.scalar(1)));
  results.push({ kind: "metric", name: "skipped_steps", value: again });
  results.push({ kind: "metric", name: "gradient_norm", value: norm });
  return { name: `${name}_update`, ops: b.ops, results, norms: new Map() };
}
