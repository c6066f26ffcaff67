/** Batches whose sequences differ in length: padded steps never count, whatever they contain. */

import { readFileSync } from "node:fs";
import { describe, expect, it } from "vitest";
import { compileGraph } from "../../compiler/compile.ts";
import * as dim from "../../compiler/ir/dim.ts";
import { relativeError } from "../../compiler/ir/finite-differences.ts";
import { interpret } from "../../compiler/ir/interpret.ts";
import type { Graph, Leaf, Type } from "../../compiler/ir/types.ts";
import { lower } from "../../compiler/lower.ts";
import { existing } from "../../runtime/existing.ts";
import { markOf } from "../../runtime/lengths.ts";
import { Session } from "../../runtime/session.ts";
import { sample, uniform } from "../ir/numbers.ts";
import { compile } from "../semantics/sources.ts";
import { opened, places } from "./backends.ts";
import { keptForFile } from "./kept-for-file.ts";
import { Study } from "./study.ts";
import { tolerance } from "./tolerances.ts";

const [D, H, T] = [2, 3, 5];
const lengths = [4, 5, 1, 3];
const B = lengths.length;
const dims = { D, H };

const cell = `cell rnn(D = ${D}, H = ${H}) {
  param Wx : [D, H] = xavier
  param Wh : [H, H] = orthogonal
  param b  : [H] = 0
  input x  : [D]
  state h  : [H] = noise(0.1)
  site hh = h @ Wh
  site xh = x @ Wx
  h' = tanh(hh + xh + b)
  site out = 2 * h'
  output out
}
`;

const model = (body: string): Graph =>
  compile(`${cell}
model m(D = ${D}, H = ${H}) {
  input x  : [D] over time
  target y : [H] over time
  target z : [H]
  ${body}
}`).graph;

/** Everything that looks along the axes, with `place` on it. */
const graphs = (place: string): Readonly<Record<string, Graph>> => ({
  "a loss at each step": model(`hs = scan rnn(D, H) over x
  output hs
  loss mse(hs, y)
  metric size = mean(hs, over feature)
  ${place}`),
  "the last step, and one made of it": model(`hs = scan rnn(D, H) over x
  end = last(hs)
  begin = first(hs)
  output end, begin
  loss mse(end, z) + mse(last(tanh(hs) * y), z)
  ${place}`),
  "a loop from the last step to the first": model(`f = scan rnn(D, H) over x
  param Wf : [H, D] = xavier
  b = scan rnn(D, H) over (f @ Wf) reverse
  output b
  loss mse(first(b), z) + mse(b, y)
  ${place}`),
  "means, maxima and attention over time": model(`hs = scan rnn(D, H) over x
  e = exp(sum(hs, over feature) - stop(max(sum(hs, over feature), over time)))
  a = e / sum(e, over time)
  output a
  loss mse(sum(a * hs, over time), z) + mse(mean(hs, over time), z) + mse(max(hs, over time), z)
  ${place}`),
});

const norms = {
  none: "",
  batch: "place hh, xh, out : batch",
  "batch, shared": "place hh, xh, out : batch(stats = shared)",
  sequence: "place xh : sequence",
  layer: "place hh, xh, out : layer",
};

const cases = Object.entries(norms).flatMap(([norm, place]) =>
  Object.entries(graphs(place)).map(([name, graph]) => ({ norm, name, graph })),
);

const studies = keptForFile<Graph, Study>();
const studyOf = (graph: Graph): Study => {
  const study = studies.get(graph) ?? new Study(graph, { dims, batch: B, time: T, lengths, seed: 8 });
  studies.set(graph, study);
  return study;
};

describe("with sequences of different lengths, the derived gradients are what differences show:", () => {
  it.each(cases)("$name, $norm", ({ graph }) => {
    expect(studyOf(graph).differenceError()).toBeLessThan(tolerance.differences);
  });
});

describe.each([places.wasm, places.wgsl])(
  "on $name losses, outputs, gradients and statistics are the reference's:",
  (place) => {
    const backend = opened(place);
    // A shader compiler takes its time.
    const onGpu = [
      ["a loss at each step", "batch"],
      ["the last step, and one made of it", "batch, shared"],
      ["a loop from the last step to the first", "batch"],
    ];
    const isOnGpu = (c: (typeof cases)[number]): boolean =>
      onGpu.some(([name, norm]) => c.name === name && c.norm === norm);
    const some = place === places.wgsl ? cases.filter(isOnGpu) : cases;
    it.each(some)("$name, $norm", async ({ graph }) => {
      const entries = place === places.wgsl ? (["train"] as const) : undefined;
      const errors = await studyOf(graph).targetErrors(place.target, backend(), entries);
      expect(errors.forward).toBeLessThan(tolerance.forward);
      expect(errors.gradient).toBeLessThan(tolerance.gradient);
    });
  },
);

interface Computed {
  readonly data: Float64Array;
  readonly type: Type;
}

/** What the reference computes of `graph`, for some of the examples and steps of `numbers`, which has B and T of them. */
function computed(
  graph: Graph,
  mode: "train" | "infer",
  numbers: Readonly<Record<string, ArrayLike<number>>>,
  of: { readonly examples: readonly number[]; readonly steps: number; readonly lengths?: readonly number[] },
): ReadonlyMap<string, Computed> {
  const { entries } = lower(graph, { ragged: of.lengths !== undefined, batch: of.examples.length });
  const bindings = { ...dims, batch: of.examples.length, time: of.steps, steps: T };
  const read = (name: string, leaf: Leaf, type: Type): ArrayLike<number> => {
    if (leaf.kind === "lengths") return markOf(leaf.mark, existing(of.lengths!, of.steps));
    const width = type.shape.reduce((n, d) => n * dim.evaluate(d, bindings), 1);
    const all = numbers[name];
    const rows = type.batch ? of.examples : [0];
    const steps = type.time ? of.steps : 1;
    const stride = type.batch ? B : 1;
    return Array.from({ length: steps * rows.length * width }, (_, i) => {
      const [t, k, f] = [Math.floor(i / width / rows.length), Math.floor(i / width) % rows.length, i % width];
      return all[(t * stride + rows[k]) * width + f];
    });
  };
  const results = interpret(entries[mode], { dims: bindings, leaf: read });
  return new Map([...results].map(([key, { data, type }]) => [key, { data, type }]));
}

const everyone = lengths.map((_, i) => i);

describe("in the reference", () => {
  it.each(cases)("a batch of equal sequences is what it is without its padding: $name, $norm", ({ graph }) => {
    const { numbers } = studyOf(graph);
    const steps = 4;
    const padded = computed(graph, "train", numbers, {
      examples: everyone,
      steps: T,
      lengths: everyone.map(() => steps),
    });
    const trimmed = computed(graph, "train", numbers, { examples: everyone, steps });
    for (const [key, { data: truth, type }] of trimmed) {
      const found = padded.get(key)!.data;
      expect(relativeError(truth, found.subarray(0, truth.length)), key).toBeLessThan(1e-10);
      // Outputs are 0 where there is nothing.
      if (key.startsWith("output:") && type.time) expect(found.subarray(truth.length).every((v) => v === 0)).toBe(true);
    }
  });

  const alone = cases.filter(({ norm }) => norm === "none" || norm === "layer");
  it.each(alone)("an example's outputs are those that it has alone: $name, $norm", ({ graph }) => {
    const { numbers } = studyOf(graph);
    const together = computed(graph, "infer", numbers, { examples: everyone, steps: T, lengths });
    for (const [i, length] of lengths.entries()) {
      const own = computed(graph, "infer", numbers, { examples: [i], steps: length });
      for (const [key, { data: truth, type }] of own) {
        if (!key.startsWith("output:")) continue;
        const found = together.get(key)!.data;
        const width = truth.length / (type.time ? length : 1);
        truth.forEach((v, k) => {
          const at = (Math.floor(k / width) * B + i) * width + (k % width);
          expect(found[at], `${key} of ${i}`).toBeCloseTo(v, 12);
        });
      }
    }
  });
});

it("statistics of such batches are the same where kernels take the batch in parts", async () => {
  const graph = graphs(norms.batch)["a loss at each step"];
  const backend = await places.wasm.open();
  const study = new Study(graph, { dims, batch: B, time: T, lengths, seed: 7, parts: 2 });
  const errors = await study.targetErrors(places.wasm.target, backend);
  expect(errors.forward).toBeLessThan(tolerance.forward);
  expect(errors.gradient).toBeLessThan(tolerance.gradient);
  await backend.close();
});

it("sequences that differ in length train with less memory, too", async () => {
  // Statistics that serve steps with a single example cross the borders between segments. Those of a norm outside of the loop,
  // such as at xh, wait for the whole sequence.
  const graph = graphs("place hh, out : batch")["a loss at each step"];
  const backend = await places.wasm.open();
  const all = { dims, batch: B, time: 40, lengths: lengths.map((n) => 8 * n), seed: 2 };
  const study = new Study(graph, { ...all, memory: 45_000 });
  expect(study.compile(places.wasm.target).plan.entries.train!.commands.map((c) => c.do)).toContain("segments");
  const errors = await study.targetErrors(places.wasm.target, backend, ["train"]);
  expect(errors.forward).toBeLessThan(tolerance.forward);
  expect(errors.gradient).toBeLessThan(tolerance.gradient);
  await backend.close();
});

describe("where a single example is left", () => {
  const tall = ["lstm", "gru", "rnn"].map((file) => readFileSync(`examples/cells/${file}.cell`, "utf8")).join("\n");
  const steps = 40;
  const batchOf = (lengths: readonly number[], seed: number) => {
    const random = uniform(seed);
    return {
      inputs: {
        x: Float32Array.from(sample(steps * lengths.length * 2, [-2, 2], random)),
        y: Float32Array.from(lengths, (_, i) => i % 2),
      },
      steps,
      examples: lengths.length,
      lengths,
    };
  };
  const open = async (text: string, examples: number): Promise<Session> => {
    const { graph, dims } = compile(text);
    const options = { dims, batch: examples, time: steps, path: "main.cell", ragged: true };
    return Session.open(compileGraph(graph, options, places.wasm.target), await places.wasm.open(), { seed: 3 });
  };

  const placed = [
    ["lstm", "place hh, xh : batch(beta = none)\n  place cc : batch"],
    ["lstm", "place hh, xh, cc : batch(stats = shared)"],
    ["lstm", "place hh, xh : batch_renorm(r_max = 2, d_max = 1)"],
    ["gru_after", "place hh, xh : batch"],
    ["rnn", "place hh : batch(gamma = 1)"],
  ] as const;

  it.each(placed)("gradients are as large as where two are: %s, %s", async (cell, place) => {
    const norm = async (lengths: readonly number[]): Promise<number> => {
      const session = await open(
        `${tall}
model m(D = 2, H = 8) {
  input x : [D] over time
  target y : index(2)
  param V : [H, 2] = xavier
  loss cross_entropy(last(scan ${cell}(D, H) over x) @ V, y)
  ${place}
}`,
        lengths.length,
      );
      const norms: number[] = [];
      for (let i = 0; i < 4; i++) norms.push((await session.train(batchOf(lengths, i), { lr: 0.01 })).gradientNorm!);
      session.close();
      return Math.max(...norms);
    };
    const even = await norm([40, 40]);
    // The statistics of step 1 alone, where hh is 0 for all, made them 10^8 times as large.
    for (const lengths of [
      [40, 1],
      [40, 2],
      [40, 1, 1, 1],
      [40, 3, 2, 1],
    ])
      expect(await norm(lengths), lengths.join()).toBeLessThan(10 * even);
  });

  it("what batch norm makes is at most √2 away from its shift, however far the example is from the others", async () => {
    const session = await open(
      `model m(D = 2) {
  input x : [D] over time
  target y : index(2)
  site a = x
  output a
  loss cross_entropy(last(a), y)
  place a : batch(gamma = 1, beta = none)
}`,
      3,
    );
    for (const scale of [1e-3, 1, 1e4]) {
      const batch = batchOf([40, 1, 1], 9);
      const x = batch.inputs.x.map((v, i) => (i < 6 ? v : scale * v));
      await session.run("train", { ...batch, inputs: { ...batch.inputs, x } });
      const a = await session.read("a");
      for (let t = 1; t < steps; t++)
        for (let f = 0; f < 2; f++) expect(Math.abs(a[6 * t + f]), `step ${t}`).toBeLessThan(Math.SQRT2 + 1e-5);
    }
    session.close();
  });
});
