/**
 * Optimisers as Tensor IR: one step on all parameters at once, clipped by the global norm of the gradients. They are compiled
 * like everything else, to one elementwise kernel over the whole parameter region behind one sum.
 */
import { Builder } from "./ir/builder.ts";
import * as dim from "./ir/dim.ts";
import type { Graph, Leaf, Result, Type, Value } from "./ir/types.ts";

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

export type OptimizerName = keyof typeof optimizers;

/**
 * One step of an optimiser. Leaves: all parameters, gradients and slots as flat vectors `[params]`, and the scalars `lr`, `step`
 * and `clip`. Gradients are scaled by min(1, clip / ‖g‖) first (Pascanu et al. 2013); ‖g‖ is the metric `gradient_norm`.
 */
export function optimizerGraph(name: OptimizerName): Graph {
  const row: OptimizerRow = optimizers[name];
  const b = new Builder();
  const flat: Type = { dtype: "f32", time: false, batch: false, shape: [dim.variable("params")] };
  const leaf = (leaf: Leaf, type: Type): Value => b.one("leaf", [], { leaf, type }, leaf.name.replace("/", "_"));
  const vector = (name: string, region: "param" | "grad" | "slot", slot = 0): Value =>
    leaf({ kind: "flat", name, region, slot }, flat);
  const hyper = (name: string): Value => leaf({ kind: "hyper", name }, { ...flat, shape: [] });

  const p = vector("p", "param");
  const g = vector("g", "grad");
  const slots = row.slots.map((s, i) => vector(s, "slot", i));
  const lr = hyper("lr");
  const step = hyper("step");
  const norm = b.sqrt(b.sum(b.square(g), { features: [0] }));
  const scale = b.min(b.scalar(1), b.div(hyper("clip"), b.max(norm, b.scalar(1e-12))));
  const made = row.update({ b, p, g: b.mul(g, scale), slots, lr, step });
  const results: Result[] = [
    { kind: "param", name: "p", value: made.p },
    ...made.slots.map((value, i): Result => ({ kind: "slot", name: row.slots[i], value })),
    { kind: "metric", name: "gradient_norm", value: norm },
  ];
  return { name: `${name}_update`, ops: b.ops, results, norms: new Map() };
}
