/** Batches whose sequences differ in length: padded steps never count, whatever stands in them. */
import { describe, expect, it } from "vitest";
import { compileGraph, lower } from "../../compiler/compile.ts";
import * as dim from "../../compiler/ir/dim.ts";
import { relativeError } from "../../compiler/ir/finite-differences.ts";
import { interpret } from "../../compiler/ir/interpret.ts";
import type { Graph, Leaf, Type } from "../../compiler/ir/types.ts";
import { markOf } from "../../runtime/lengths.ts";
import type { Batch } from "../../runtime/runner.ts";
import { Session } from "../../runtime/session.ts";
import { compile } from "../semantics/sources.ts";
import { opened, places } from "./backends.ts";
import { Study } from "./study.ts";
import { tolerance } from "./tolerances.ts";

const [D, H, T] = [3, 5, 6];
const lengths = [4, 6, 1, 3, 5];
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

const studies = new Map<Graph, Study>();
const studyOf = (graph: Graph): Study => {
  const study = studies.get(graph) ?? new Study(graph, { dims, batch: B, time: T, lengths, seed: 5 });
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
    const some = place === places.wgsl ? cases.filter(({ norm }, i) => norm === "batch" || i % 5 === 0) : cases;
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
    if (leaf.kind === "lengths") return markOf(leaf.mark, of.lengths!, of.steps);
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

/** Statistics of x alone, at a site that has nothing else. */
const statistics = (norm: string): Graph =>
  compile(`model m(D = 2) {
  input x : [D] over time
  site s = x
  output s
  loss sum(s, over feature)
  place s : ${norm}
}`).graph;

/** [T = 4, B = 3, D = 2] of sequences with 4, 2 and 1 steps; NaN where there is nothing. */
const three = { lengths: [4, 2, 1], steps: 4, examples: 3 };
const x = Float32Array.from([
  ...[1, 10, 3, 30, 8, 20],
  ...[2, 10, 4, 50, Number.NaN, Number.NaN],
  ...[5, 60, Number.NaN, Number.NaN, Number.NaN, Number.NaN],
  ...[7, 70, Number.NaN, Number.NaN, Number.NaN, Number.NaN],
]);
const batchOf = (data: Float32Array): Batch => ({ inputs: { x: data }, ...three });

describe.each([places.wasm, places.wgsl])("on $name", (place) => {
  const backend = opened(place);
  const open = (norm: string): Promise<Session> => {
    const options = { dims: { D: 2 }, batch: 3, time: 4, path: "main.cell", ragged: true };
    return Session.open(compileGraph(statistics(norm), options, place.target), backend(), { seed: 1 });
  };
  const close = (found: Float32Array, wanted: readonly number[]): void => {
    expect(found).toHaveLength(wanted.length);
    found.forEach((v, i) => {
      expect(v).toBeCloseTo(wanted[i], 4);
    });
  };

  it("a step's statistics are of the examples that have it, and from where one is left, those of the step before", async () => {
    const session = await open("batch");
    await session.run("train", batchOf(x));
    close(await session.read("batch/s/m"), [4, 20, 3, 30, 3, 30, 3, 30]);
    close(await session.read("batch/s/v"), [26 / 3, 200 / 3, 1, 400, 1, 400, 1, 400]);
    session.close();
  });

  it("statistics over steps are of all steps that there are", async () => {
    const session = await open("sequence");
    await session.run("train", batchOf(x));
    const [first, second] = [
      [1, 3, 8, 2, 4, 5, 7],
      [10, 30, 20, 10, 50, 60, 70],
    ];
    const mean = (n: readonly number[]): number => n.reduce((a, b) => a + b) / n.length;
    const variance = (n: readonly number[]): number => mean(n.map((v) => (v - mean(n)) ** 2));
    close(await session.read("batch/s/m"), [mean(first), mean(second)]);
    close(await session.read("batch/s/v"), [variance(first), variance(second)]);
    session.close();
  });

  it("population statistics weigh a batch by its examples, and rows that too few have seen take those of the last that enough have", async () => {
    const session = await open("batch");
    const full: Batch = {
      inputs: { x: x.map((v) => (Number.isNaN(v) ? 9 : v + 1)) },
      steps: 3 + 1,
      examples: 3,
      lengths: [2, 2, 2],
    };
    expect(await session.estimate([batchOf(x), full])).toBe(2);
    // At step 1: [2, 4] and [3, 5, 9].
    close((await session.read("s/m")).subarray(0, 4), [
      (4 + 5) / 2,
      (20 + 21) / 2,
      (2 + 4 + 3 + 5 + 9) / 5,
      (10 + 50 + 11 + 51 + 9) / 5,
    ]);
    expect((await session.state()).counters.seen.map((n) => Math.round(n * 3))).toEqual([6, 5, 0, 0]);
    await session.infer(batchOf(x));
    const m = await session.read("s/m");
    expect([...m.subarray(4)]).toEqual([...m.subarray(2, 4), ...m.subarray(2, 4)]);
    session.close();
  });

  it("what stands in the padding changes nothing", async () => {
    const session = await open("batch");
    const other = batchOf(x.map((v) => (Number.isNaN(v) ? 1e30 : v)));
    const read = async (batch: Batch) => {
      await session.run("train", batch);
      return Promise.all(["s", "loss", "batch/s/v"].map((name) => session.read(name)));
    };
    expect(await read(other)).toEqual(await read(batchOf(x)));
    session.close();
  });

  it("lengths that cannot be are refused, and those of a program that has one length", async () => {
    const session = await open("batch");
    for (const [wrong, message] of [
      [[4, 2], /3 examples has as many lengths, not 2/],
      [[4, 0, 1], /1 to 4 steps, not 0/],
      [[5, 2, 1], /1 to 4 steps, not 5/],
    ] as const) {
      await expect(session.run("train", { ...batchOf(x), lengths: wrong })).rejects.toThrow(message);
    }
    session.close();
    const options = { dims: { D: 2 }, batch: 3, time: 4, path: "main.cell" };
    const even = await Session.open(compileGraph(statistics("batch"), options, place.target), backend(), { seed: 1 });
    await expect(even.run("train", batchOf(x))).rejects.toThrow(/one length/);
    even.close();
  });
});

it("sequences that differ in length train with less memory, too", async () => {
  const graph = graphs(norms.layer)["a loss at each step"];
  const backend = await places.wasm.open();
  const all = { dims, batch: B, time: 40, lengths: lengths.map((n) => 6 * n + 4), seed: 2 };
  const study = new Study(graph, { ...all, memory: 60_000 });
  const errors = await study.targetErrors(places.wasm.target, backend, ["train"]);
  expect(errors.forward).toBeLessThan(tolerance.forward);
  expect(errors.gradient).toBeLessThan(tolerance.gradient);
  await backend.close();
});
