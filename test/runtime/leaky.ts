/**
 * A small model, compiled by hand: h[t] = a·h[t−1] + w·x[t] + noise, loss = mean (h − y)², a statistic per step (the mean of h
 * over the batch, four rows), momentum SGD with clipping. Each entry has a layout of its own, as compiled ones do.
 */
import { type Batch, keyOf, normalAt } from "../../runtime/index.ts";
import type { Command, Entry, Executable, Extent, Plan, Region, Tensor } from "../../runtime/plan.ts";
import * as k from "./kernel-text.ts";

export const batchSize = 2;
export const statisticRows = 4;
export const noiseScale = 0.01;
const examples = [0, 1];
/** Fixed floats of `work` and of the training entries' `input`, and floats of every frame. */
const frame = 16;

const at = (fixed: number, step: ReturnType<typeof k.int>, offset: number) =>
  k.plus(k.times(step, k.int(frame)), k.int(fixed + offset));
const previousState = (b: number) => k.load("work", at(frame, k.t, b));
const state = (step: typeof k.t, b: number) => k.load("work", at(2 * frame, step, b));
const a = k.load("param", k.int(0));
const w = k.load("param", k.int(1));
const row = k.choose(k.less(k.t, k.int(statisticRows)), k.t, k.int(statisticRows - 1));
const square = (value: ReturnType<typeof k.int>) => k.mul(value, value);
/** Σ_b (h − y)², with `input` starting at `fixed`. */
const squares = (fixed: number) => {
  const of = (b: number) => square(k.sub(state(k.group, b), k.load("input", at(fixed, k.group, 2 + b))));
  return k.store("work", at(frame, k.group, 4), k.add(of(0), of(1)));
};

const counts = k.less(k.int(0), k.toInt(k.load("work", k.int(1))));

export const kernels: k.Kernels = {
  start: [16, 17, 2, 3]
    .map((index) => k.store("work", k.int(index), k.float(0)))
    .concat([0, 1].map((index) => k.store("grad", k.int(index), k.float(0)))),
  forward: examples.map((b) => {
    const driven = k.add(k.mul(a, previousState(b)), k.mul(w, k.load("input", at(frame, k.t, b))));
    return k.store("work", at(2 * frame, k.t, b), k.add(driven, k.load("input", at(frame, k.t, 4 + b))));
  }),
  collect: [
    k.when(
      k.less(k.t, k.int(statisticRows)),
      k.store(
        "stat",
        row,
        k.add(
          k.load("stat", row),
          k.mul(
            k.load("input", at(frame, k.t, 6)),
            k.sub(k.mul(k.float(0.5), k.add(state(k.t, 0), state(k.t, 1))), k.load("stat", row)),
          ),
        ),
      ),
    ),
  ],
  error: [squares(frame)],
  infer_error: [squares(0)],
  finish: [
    k.store("work", k.int(0), k.float(0)),
    k.eachStep(k.store("work", k.int(0), k.add(k.load("work", k.int(0)), k.load("work", at(frame, k.k, 4))))),
    k.store("work", k.int(0), k.div(k.load("work", k.int(0)), k.mul(k.float(batchSize), k.toFloat(k.T)))),
    k.store("work", k.int(1), k.mul(k.float(1 / batchSize), k.load("work", k.int(frame + 4)))),
    k.store("grad", k.int(2), k.load("work", k.int(0))),
  ],
  backward: examples.flatMap((b) => {
    const adjoint = k.load("work", k.int(2 + b));
    const own = k.sub(state(k.t, b), k.load("input", at(frame, k.t, 2 + b)));
    return [
      k.store("work", k.int(2 + b), k.add(adjoint, k.div(own, k.toFloat(k.T)))),
      k.store("grad", k.int(0), k.add(k.load("grad", k.int(0)), k.mul(adjoint, previousState(b)))),
      k.store("grad", k.int(1), k.add(k.load("grad", k.int(1)), k.mul(adjoint, k.load("input", at(frame, k.t, b))))),
      k.store("work", k.int(2 + b), k.mul(a, adjoint)),
    ];
  }),
  infer: examples.flatMap((b) => [
    k.store("work", at(2 * frame, k.t, b), k.add(k.mul(a, previousState(b)), k.mul(w, k.load("input", at(0, k.t, b))))),
    k.store("work", at(frame, k.t, 6 + b), k.sub(state(k.t, b), k.load("stat", row))),
  ]),
  norm: [
    k.store("work", k.int(0), k.root(k.add(square(k.load("grad", k.int(0))), square(k.load("grad", k.int(1)))))),
    // Whether the step is carried out, and how many were skipped.
    k.store(
      "work",
      k.int(1),
      ["work", "grad"].reduce(
        (rest, region, i) => k.choose(k.finite(k.load(region as "work" | "grad", k.int(2 * i))), rest, k.float(0)),
        k.choose(k.less(k.toInt(k.load("grad", k.int(3))), k.int(1)), k.float(1), k.float(0)),
      ),
    ),
    k.store("grad", k.int(3), k.choose(counts, k.float(0), k.add(k.load("grad", k.int(3)), k.float(1)))),
  ],
  descend: [
    k.store(
      "slot",
      k.group,
      k.choose(
        counts,
        k.add(
          k.mul(k.float(0.9), k.load("slot", k.group)),
          k.mul(
            k.load("grad", k.group),
            k.least(k.float(1), k.div(k.load("input", k.int(1)), k.load("work", k.int(0)))),
          ),
        ),
        k.load("slot", k.group),
      ),
    ),
    k.store(
      "param",
      k.group,
      k.choose(
        counts,
        k.sub(k.load("param", k.group), k.mul(k.load("input", k.int(0)), k.load("slot", k.group))),
        k.load("param", k.group),
      ),
    ),
  ],
  settle: Array.from({ length: statisticRows }, (_, i) => [k.int(i), k.int(frame + i)]).flatMap(([now, before]) => [
    k.store("stat", now, k.choose(counts, k.load("stat", now), k.load("stat", before))),
    k.store("stat", before, k.load("stat", now)),
  ]),
};

const one: Extent = { fixed: 1, perStep: 0 };
const dispatch = (kernel: string, grid: Extent = one): Command => ({ do: "dispatch", kernel, grid: [grid, one, one] });
const steps = (...commands: Command[]): Command => ({ do: "steps", reverse: false, commands });
const backwards = (...commands: Command[]): Command => ({ do: "steps", reverse: true, commands });
const perStep: Extent = { fixed: 0, perStep: 1 };

const regionsOf = (input: Region, work: Region): Entry["regions"] => {
  const fixed: Region = { fixed: frame, frame: 0 };
  // The statistics are followed by a copy of them from before a step.
  const stat: Region = { fixed: 2 * frame, frame: 0 };
  return { param: fixed, grad: fixed, slot: fixed, stat, input, work, half: { fixed: 0, frame: 0 } };
};
const perExample = { time: true, shape: [batchSize], batch: true } as const;
const scalar = { time: false, shape: [], batch: false } as const;

const kept: readonly Tensor[] = [
  {
    name: "cell/a",
    role: { kind: "param", init: { kind: "constant", value: 0.25 } },
    region: "param",
    offset: 0,
    ...scalar,
  },
  {
    name: "cell/w",
    role: { kind: "param", init: { kind: "normal", mean: 0, std: 1 } },
    region: "param",
    offset: 1,
    ...scalar,
  },
  { name: "cell/a'", role: { kind: "grad", of: "cell/a" }, region: "grad", offset: 0, ...scalar },
  { name: "cell/w'", role: { kind: "grad", of: "cell/w" }, region: "grad", offset: 1, ...scalar },
  {
    name: "cell/m",
    role: { kind: "stat", steps: statisticRows, policy: "per_step" },
    region: "stat",
    offset: 0,
    ...scalar,
  },
];
const examplesAt = (fixed: number): readonly Tensor[] => [
  { name: "x", role: { kind: "input" }, region: "input", offset: 0, ...perExample },
  { name: "y", role: { kind: "input" }, region: "input", offset: 2, ...perExample },
  { name: "h", role: { kind: "output" }, region: "work", offset: frame, ...perExample },
  { name: "loss", role: { kind: "loss", over: "steps" }, region: "work", offset: 0, ...scalar },
  { name: "first_error", role: { kind: "metric", over: "examples" }, region: "work", offset: 1, ...scalar },
  ...(fixed === 0
    ? [{ name: "out", role: { kind: "output" }, region: "work", offset: 6, ...perExample } satisfies Tensor]
    : []),
];
const hyper = (name: string, offset: number): Tensor => ({
  name,
  role: { kind: "hyper" },
  region: "input",
  offset,
  ...scalar,
});
const weights: Tensor = { ...hyper("momentum_step", 6), time: true };
const noise: Tensor = {
  name: "n",
  role: { kind: "noise", distribution: "normal", scale: noiseScale },
  region: "input",
  offset: 4,
  ...perExample,
};

const grows: Region = { fixed: frame, frame };
const entries: Plan["entries"] = {
  train: {
    tensors: [...kept, ...examplesAt(frame), weights, noise],
    commands: [
      dispatch("start"),
      steps(dispatch("forward"), dispatch("collect")),
      dispatch("error", perStep),
      dispatch("finish"),
      backwards(dispatch("backward")),
    ],
    regions: regionsOf(grows, grows),
  },
  estimate: {
    tensors: [...kept, ...examplesAt(frame), weights, noise],
    commands: [
      dispatch("start"),
      steps(dispatch("forward"), dispatch("collect")),
      dispatch("error", perStep),
      dispatch("finish"),
    ],
    regions: regionsOf(grows, grows),
  },
  infer: {
    tensors: [...kept, ...examplesAt(0)],
    commands: [dispatch("start"), steps(dispatch("infer")), dispatch("infer_error", perStep), dispatch("finish")],
    regions: regionsOf({ fixed: 0, frame }, grows),
  },
  update: {
    tensors: [
      ...kept,
      hyper("lr", 0),
      hyper("clip", 1),
      hyper("step", 2),
      { name: "gradient_norm", role: { kind: "metric" }, region: "work", offset: 0, ...scalar },
      { name: "skipped_steps", role: { kind: "metric" }, region: "grad", offset: 3, ...scalar },
    ],
    commands: [dispatch("norm"), dispatch("descend", { fixed: 2, perStep: 0 }), dispatch("settle")],
    regions: regionsOf({ fixed: frame, frame: 0 }, { fixed: frame, frame: 0 }),
  },
};

export const leakyPlan: Omit<Plan, "target" | "kernels"> = {
  format: 4,
  name: "leaky",
  dims: { batch: batchSize },
  fingerprint: "leaky-1",
  measures: {},
  equations: {},
  slots: ["m"],
  optimizer: "sgd",
  entries,
};

/** Poses as the same model compiled for one example: its tensors are the same, without a batch in front. */
export const leakyOfOne: typeof leakyPlan = {
  ...leakyPlan,
  dims: { batch: 1 },
  entries: Object.fromEntries(
    Object.entries(entries).map(([name, entry]) => [
      name,
      { ...entry, tensors: entry.tensors.map((tensor) => ({ ...tensor, batch: false })) },
    ]),
  ),
};

export function leaky(target: Plan["target"], plan = leakyPlan): Executable {
  return k.assemble(plan, kernels, target);
}

/** A batch with all its inputs. */
export type Filled = Batch & { readonly steps: number; readonly inputs: Readonly<Record<string, Float32Array>> };

/** A batch of the relation y[t] = 0.5·y[t−1] + 2·x[t], the `index`-th. */
export function batchOf(length: number, index = 0): Filled {
  const x = Float32Array.from({ length: length * batchSize }, (_, i) => normalAt(keyOf(99, "x"), i, index));
  const y = new Float32Array(x.length);
  for (const i of x.keys()) y[i] = 0.5 * (y[i - batchSize] ?? 0) + 2 * x[i];
  return { inputs: { x, y }, steps: length, examples: batchSize };
}

/** What a run computes, in f64. `noise` is the contents of `n`, [T, B]. */
export function reference(a: number, w: number, { inputs: { x, y }, steps }: Filled, noise: ArrayLike<number>) {
  const h: number[] = [];
  for (const i of x.keys()) h[i] = a * (h[i - batchSize] ?? 0) + w * x[i] + (noise[i] ?? 0);
  const loss = h.reduce((sum, value, i) => sum + (value - y[i]) ** 2, 0) / h.length;
  const gradient = { a: 0, w: 0 };
  const adjoint: number[] = [];
  for (let i = h.length - 1; i >= 0; i--) {
    adjoint[i] = (2 * (h[i] - y[i])) / h.length + a * (adjoint[i + batchSize] ?? 0);
    gradient.a += adjoint[i] * (h[i - batchSize] ?? 0);
    gradient.w += adjoint[i] * x[i];
  }
  const means = Array.from({ length: steps }, (_, t) => (h[t * batchSize] + h[t * batchSize + 1]) / batchSize);
  return { h, loss, gradient, means };
}

/** The noise of the `run`-th run of its purpose under `seed`, as the runtime draws it. */
export function noiseOf(seed: number, run: number, length: number, purpose = "train"): Float32Array {
  return Float32Array.from({ length: length * batchSize }, (_, i) => {
    return noiseScale * normalAt(keyOf(seed, `noise/${purpose}/n`), i, run);
  });
}
