/**
 * Optimisers as Tensor IR: one step on all parameters at once, clipped by the global norm of the gradients. They are compiled
 * like everything else, to one elementwise kernel over the whole parameter region behind one kernel of sums.
 */
import { Builder } from "./ir/builder.ts";
import * as dim from "./ir/dim.ts";
import type { FlatRegion, Graph, Leaf, Result, Type, Value } from "./ir/types.ts";

interface Arguments {
  readonly b: Builder;
  readonly p: Value;
  /** The clipped gradient. */
  readonly g: Value;
  readonly slots: readonly Value[];
  readonly lr: Value;
  /** 1, 2, … */
  readonly step: Value;
}

interface OptimizerRow {
  readonly doc: string;
  readonly slots: readonly string[];
  /** The new parameters, and the new slots. */
  update(a: Arguments): { readonly p: Value; readonly slots: readonly Value[] };
}

const MOMENTUM = 0.9;
const RMSPROP = { decay: 0.9, floor: 1e-5 };
const ADAM = { beta1: 0.9, beta2: 0.999, eps: 1e-8, decay: 0.01 };

const blend = (b: Builder, weight: number, old: Value, now: Value): Value =>
  b.add(b.mul(b.scalar(weight), old), b.mul(b.scalar(1 - weight), now));

/** 1 − βᵏ, exact to f32 also where βᵏ is near 1: 1 − e⁻ˣ = 2u / (1 + u) with u = tanh(x / 2). */
function oneMinusPower(b: Builder, beta: number, k: Value): Value {
  const u = b.elementwise("tanh", [b.mul(k, b.scalar(-Math.log(beta) / 2))]);
  return b.div(b.mul(b.scalar(2), u), b.add(b.scalar(1), u));
}

function adamStep({ b, g, slots, lr, step }: Arguments): { readonly change: Value; readonly slots: readonly Value[] } {
  const m = blend(b, ADAM.beta1, slots[0], g);
  const v = blend(b, ADAM.beta2, slots[1], b.square(g));
  const mean = b.div(m, oneMinusPower(b, ADAM.beta1, step));
  const scale = b.sqrt(b.div(v, oneMinusPower(b, ADAM.beta2, step)));
  return { change: b.mul(lr, b.div(mean, b.add(scale, b.scalar(ADAM.eps)))), slots: [m, v] };
}

export const optimizers = {
  sgd: {
    doc: "p − lr·g",
    slots: [],
    update: ({ b, p, g, lr }) => ({ p: b.sub(p, b.mul(lr, g)), slots: [] }),
  },
  momentum: {
    doc: "heavy ball, as PyTorch: m ← 0.9·m + g; p − lr·m",
    slots: ["m"],
    update: ({ b, p, g, slots, lr }) => {
      const m = b.add(b.mul(b.scalar(MOMENTUM), slots[0]), g);
      return { p: b.sub(p, b.mul(lr, m)), slots: [m] };
    },
  },
  rmsprop: {
    doc: "as Blocks, which Cooijmans et al. used: r ← 0.9·r + 0.1·g²; p − lr·g / max(√r, 1e-5)",
    slots: ["r"],
    update: ({ b, p, g, slots, lr }) => {
      const r = blend(b, RMSPROP.decay, slots[0], b.square(g));
      return { p: b.sub(p, b.mul(lr, b.div(g, b.max(b.sqrt(r), b.scalar(RMSPROP.floor))))), slots: [r] };
    },
  },
  adam: {
    doc: "Kingma & Ba 2015, β 0.9 and 0.999, ε 1e-8 outside the root",
    slots: ["m", "v"],
    update: (a) => {
      const { change, slots } = adamStep(a);
      return { p: a.b.sub(a.p, change), slots };
    },
  },
  adamw: {
    doc: "Loshchilov & Hutter 2019: Adam with decoupled weight decay 0.01",
    slots: ["m", "v"],
    update: (a) => {
      const { b, p, lr } = a;
      const { change, slots } = adamStep(a);
      return { p: b.sub(b.sub(p, b.mul(b.mul(lr, b.scalar(ADAM.decay)), p)), change), slots };
    },
  },
} satisfies Record<string, OptimizerRow>;

/**
 * Parameters stand end to end, and are taken in so many rows: what a kernel takes for examples. Each is added up by a workgroup of
 * its own.
 */
export const parameterRows = 16;

/** An optimiser by its name. */
export type OptimizerName = keyof typeof optimizers;

/** The sum over all parameters, row by row first. */
const total = (b: Builder, v: Value): Value => b.sum(b.sum(v, { features: [0] }), { batch: true });

/**
 * ‖g‖ without squares that overflow or vanish: beside the plain sum of squares one of g made small and one of g made large by a
 * power of two, of which the one is taken that holds (Blue 1978, as LAPACK's nrm2). Not finite where an element or ‖g‖ is not.
 */
function length(b: Builder, g: Value): Value {
  const scaled = (by: number): Value => b.mul(b.scalar(1 / by), b.sqrt(total(b, b.square(b.mul(b.scalar(by), g)))));
  const plain = scaled(1);
  // Elements whose squares are lost, below 2⁻⁶³, are a 2⁻²⁸-th of 2⁻³⁵; squares of 2⁶⁰ can be added up.
  const notSmall = b.select(b.ge(plain, b.scalar(2 ** 60)), scaled(2 ** -80), plain);
  return b.select(b.le(plain, b.scalar(2 ** -35)), scaled(2 ** 80), notSmall);
}

/** 1 where every number of every one of these vectors is finite, else 0. */
function allFinite(b: Builder, vectors: readonly Value[]): Value {
  const each = vectors.map((v) => b.elementwise("finite", [v])).reduce(b.mul);
  return b.eq(total(b, b.sub(b.scalar(1), each)), b.scalar(0));
}

/**
 * One step of an optimiser. Leaves: all parameters, gradients and slots, the scalars `lr`, `step` and `clip`, and the loss. Gradients are scaled by min(1, clip / ‖g‖) first (Pascanu et al. 2013); ‖g‖ is the metric `gradient_norm`.
 *
 * A step whose loss, gradient, norm, statistics, new parameters or new slots are not finite is skipped: parameters and slots stay, and the
 * statistics, which `train` has moved already, become what they were. So are all steps behind it, until the host has learnt of it
 * and has set `skipped_steps`, the count of them, back to 0.
 */
export function optimizerGraph(name: OptimizerName, options: { readonly statistics?: boolean } = {}): Graph {
  const row: OptimizerRow = optimizers[name];
  const b = new Builder();
  const scalar: Type = { dtype: "f32", time: false, batch: false, shape: [] };
  const flat: Type = { ...scalar, batch: true, shape: [dim.variable("row")] };
  const leaf = (leaf: Leaf, type: Type): Value => b.one("leaf", [], { leaf, type }, leaf.name.replace("/", "_"));
  const vector = (name: string, region: FlatRegion, slot = 0): Value =>
    leaf({ kind: "flat", name, region, slot }, flat);
  const hyper = (name: string): Value => leaf({ kind: "hyper", name }, scalar);
  const number = (name: string, region: FlatRegion): Value => leaf({ kind: "flat", name, region, slot: 0 }, scalar);

  const p = vector("p", "param");
  const g = vector("g", "grad");
  const slots = row.slots.map((s, i) => vector(s, "slot", i));
  const lr = hyper("lr");
  const step = hyper("step");
  const clip = hyper("clip");
  const norm = length(b, g);
  const scale = b.select(b.gt(norm, clip), b.div(clip, norm), b.scalar(1));
  const made = row.update({ b, p, g: b.mul(g, scale), slots, lr, step });

  const rows: Type = { ...flat, shape: [dim.variable("statistics")] };
  const statistics = (name: string, slot: number): Value => leaf({ kind: "flat", name, region: "stat", slot }, rows);
  const [moved, before] = options.statistics ? [statistics("moved", 0), statistics("before", 1)] : [];

  const skipped = number("skipped_steps", "skipped");
  const finite = [norm, number("loss", "loss")].map((v) => b.elementwise("finite", [v])).reduce(b.mul);
  const updated = b.mul(finite, allFinite(b, [made.p, ...made.slots]));
  const whole = moved ? b.mul(updated, allFinite(b, [moved])) : updated;
  const done = b.mul(b.eq(skipped, b.scalar(0)), whole);
  const results: Result[] = [];
  const take = (leaf: string, now: Value, before: Value): void => {
    results.push({ kind: "flat", name: leaf, value: b.select(done, now, before) });
  };
  take("p", made.p, p);
  for (const [i, value] of made.slots.entries()) take(row.slots[i], value, slots[i]);
  if (moved && before) {
    const kept = b.select(done, moved, before);
    for (const name of ["moved", "before"]) results.push({ kind: "flat", name, value: kept });
  }
  const again = b.select(done, b.scalar(0), b.add(skipped, b.scalar(1)));
  results.push({ kind: "metric", name: "skipped_steps", value: again });
  results.push({ kind: "metric", name: "gradient_norm", value: norm });
  return { name: `${name}_update`, ops: b.ops, results, norms: new Map() };
}
